import { cx } from '@/ui/classes'
import { count, percent } from '@/ui/format'

type Props = {
  classes: readonly string[]
  /** Rows are true classes, columns predicted ones. */
  matrix: readonly (readonly number[])[]
  chosen?: readonly [number, number]
  onPick?: (truth: number, predicted: number) => void
}

/** True class by predicted class, heat as the share of its row in shades of ink; each cell opens its samples. */
export function ConfusionMatrix({ classes, matrix, chosen, onPick }: Props) {
  return (
    <div className="overflow-auto" tabIndex={0} role="region" aria-label="Confusion matrix">
      <table className="border-separate border-spacing-px text-xs">
        <thead>
          <tr>
            <th scope="col" className="pr-3 text-left font-normal text-ink-3">
              true \ predicted
            </th>
            {classes.map((name) => (
              <th key={name} scope="col" className="max-w-28 truncate px-2 pb-1 text-right font-normal text-ink-2">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {classes.map((name, row) => {
            const sum = matrix[row]!.reduce((total, value) => total + value, 0)
            return (
              <tr key={name}>
                <th scope="row" className="max-w-40 truncate pr-3 text-left font-normal text-ink-2">
                  {name}
                </th>
                {classes.map((other, column) => {
                  const value = matrix[row]![column]!
                  const share = sum ? value / sum : 0
                  const here = chosen?.[0] === row && chosen[1] === column
                  return (
                    <td key={other} className="p-0">
                      <button
                        type="button"
                        disabled={!onPick || !value}
                        aria-pressed={onPick ? here : undefined}
                        aria-label={`${count(value)} labelled ${name}, predicted ${other}`}
                        title={`${percent(share)} of ${name}`}
                        onClick={() => onPick?.(row, column)}
                        className={cx('num relative h-9 w-full min-w-16 overflow-hidden rounded-sm bg-well px-2 text-right', onPick && value > 0 && 'hover:outline-1 hover:outline-ink', here && 'outline-2 outline-sel')}
                      >
                        <span aria-hidden className="absolute inset-0 bg-ink" style={{ opacity: 0.32 * share }} />
                        <span className={cx('relative', value === 0 ? 'text-ink-3' : row !== column && 'font-medium')}>{count(value)}</span>
                      </button>
                    </td>
                  )
                })}
              </tr>
            )
          })}
        </tbody>
      </table>
    </div>
  )
}
