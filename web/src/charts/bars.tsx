import { cx } from '@/ui/classes'
import { count } from '@/ui/format'

export type Bar = { key: string; name: string; value: number; text?: string; machine?: boolean }

/** Counts by name, longest bar full; each row is a filter. */
export function Bars({ bars, label, chosen, onPick }: { bars: readonly Bar[]; label: string; chosen?: string; onPick?: (key: string) => void }) {
  const most = Math.max(1, ...bars.map((bar) => bar.value))
  return (
    <div role="group" aria-label={label} className="flex flex-col gap-px">
      {bars.map((bar) => (
        <button
          key={bar.key}
          type="button"
          aria-pressed={onPick && chosen === bar.key}
          disabled={!onPick}
          onClick={() => onPick?.(bar.key)}
          className={cx('relative flex h-6 items-center gap-2 rounded-sm px-2 text-left text-xs', onPick && 'hover:bg-raised', chosen === bar.key && 'bg-sel-bg')}
        >
          <span aria-hidden className={cx('absolute inset-y-0.5 left-0 rounded-sm', bar.machine ? 'bg-machine-bg' : 'bg-ink/10')} style={{ width: `${(100 * bar.value) / most}%` }} />
          <span className="relative truncate">{bar.name}</span>
          <span className="num relative ml-auto text-ink-2">{bar.text ?? count(bar.value)}</span>
        </button>
      ))}
    </div>
  )
}

/** Counts in equal bins over [from, to]; each bin is a filter. */
export function Histogram({ counts, from, to, label, text, chosen, onPick, height = 64 }: { counts: readonly number[]; from: number; to: number; label: string; text: (value: number) => string; chosen?: number; onPick?: (bin: number) => void; height?: number }) {
  const most = Math.max(1, ...counts)
  const width = (to - from) / counts.length
  return (
    <figure className="flex flex-col gap-1" role="group" aria-label={label}>
      <div className="flex items-end gap-px" style={{ height }}>
        {counts.map((value, bin) => (
          <button
            key={bin}
            type="button"
            disabled={!onPick || !value}
            aria-pressed={onPick && chosen === bin}
            aria-label={`${text(from + bin * width)} to ${text(from + (bin + 1) * width)}: ${count(value)}`}
            title={`${text(from + bin * width)} – ${text(from + (bin + 1) * width)}: ${count(value)}`}
            onClick={() => onPick?.(bin)}
            className={cx('group flex h-full min-w-0 grow items-end', chosen === bin && 'bg-sel-bg')}
          >
            <span aria-hidden className={cx('w-full', value ? 'min-h-px bg-ink-3 group-hover:bg-ink' : 'h-px bg-line')} style={{ height: `${(100 * value) / most}%` }} />
          </button>
        ))}
      </div>
      <div className="num flex justify-between text-2xs text-ink-3">
        <span>{text(from)}</span>
        <span>{text(to)}</span>
      </div>
    </figure>
  )
}

/** A line without axes, beside a number. */
export function Sparkline({ values, label, width = 96, height = 20 }: { values: readonly (number | null)[]; label: string; width?: number; height?: number }) {
  const known = values.filter((value): value is number => value != null)
  const least = Math.min(...known)
  const most = Math.max(...known)
  const place = (value: number, at: number) => `${((at * width) / Math.max(1, values.length - 1)).toFixed(1)},${(height - 1 - ((value - least) / (most - least || 1)) * (height - 2)).toFixed(1)}`
  return (
    <svg width={width} height={height} role="img" aria-label={label} className="inline-block align-middle text-ink-2">
      {known.length > 1 && <polyline fill="none" stroke="currentColor" strokeWidth={1.25} points={values.flatMap((value, at) => (value == null ? [] : [place(value, at)])).join(' ')} />}
    </svg>
  )
}
