import { Check, Layers } from 'lucide-react'
import { memo, type MouseEvent, type ReactNode } from 'react'
import { numberAt, textAt, type Sheet } from '@/media/columns'
import { tint, useThumb } from '@/media/thumbs'
import { cx } from '@/ui/classes'
import { Swatch } from '@/ui/marks'
import { classColours } from './names'

type Props = {
  sheet: Sheet
  row: number
  at: number
  width: number
  height: number
  left: number
  selected: boolean
  current: boolean
  onPress: (at: number, event: MouseEvent) => void
  onOpen: (at: number) => void
  note?: (row: number) => ReactNode
  /** How many samples it stands for. */
  slots?: number
}

/** One sample: its mean colour, then its picture, with what people and models say of it. */
export const Tile = memo(function Tile({ sheet, row, at, width, height, left, selected, current, onPress, onOpen, note, slots = 1 }: Props) {
  const id = sheet.ids[row]!
  const url = useThumb(id)
  return (
    <div
      role="gridcell"
      id={`tile-${at}`}
      aria-selected={selected}
      data-sample={id}
      onMouseDown={(event) => onPress(at, event)}
      onDoubleClick={() => onOpen(at)}
      className={cx('absolute top-0 cursor-default overflow-hidden rounded-sm', selected ? 'outline-2 -outline-offset-2 outline-sel' : current && 'outline-1 outline-ink-2')}
      style={{ left, width, height, background: tint(sheet.colours[row]!) }}
    >
      <span className="sr-only">
        {sheet.names[row]}
        {slots > 1 && `, ${slots} slots`}
        {spokenLabel(sheet, row)}
      </span>
      {url && <img src={url} alt="" draggable={false} className="size-full object-cover" />}
      {slots > 1 && (
        <span aria-hidden className="num pointer-events-none absolute left-1 top-1 flex h-4 items-center gap-1 rounded-[3px] border border-line-strong bg-bg/85 px-1 text-2xs leading-none text-ink">
          <Layers size={10} /> {slots}
        </span>
      )}
      {selected && (
        <span className="absolute right-1 top-1 flex size-4 items-center justify-center rounded-sm bg-sel text-bg">
          <Check size={12} strokeWidth={3} aria-hidden />
        </span>
      )}
      {note ? note(row) : <Labels sheet={sheet} row={row} narrow={width < 96} />}
    </div>
  )
})

const spokenLabel = (sheet: Sheet, row: number): string => {
  const label = textAt(sheet, 'label', row)
  const predicted = textAt(sheet, 'predicted', row)
  return `${label ? `, labelled ${label}` : ', unlabelled'}${predicted ? `, predicted ${predicted}` : ''}`
}

/** What a person said stands solid in ink; what a model said is dashed, in phosphor, as long as nobody accepted it. */
export function Labels({ sheet, row, narrow }: { sheet: Sheet; row: number; narrow?: boolean }) {
  const colours = classColours(sheet)
  const label = textAt(sheet, 'label', row)
  const by = textAt(sheet, 'author_kind', row)
  const predicted = textAt(sheet, 'predicted', row)
  const score = numberAt(sheet, 'score', row)
  const shape = 'flex h-4 min-w-0 items-center gap-1 rounded-[3px] border bg-bg/85 px-1 text-2xs leading-none'
  const differs = predicted && predicted !== label
  if (!label && !predicted) return null
  return (
    <span className="pointer-events-none absolute inset-x-1 bottom-1 flex items-center gap-1" aria-hidden>
      {label && (
        <span className={cx(shape, by === 'model' ? 'border-dashed border-machine text-machine' : by === 'rule' ? 'border-dashed border-line-strong text-ink' : 'border-line-strong text-ink')}>
          <Swatch colour={colours.get(label) ?? 'var(--ink-3)'} />
          {!narrow && <span className="truncate">{label}</span>}
        </span>
      )}
      {differs && !(narrow && label) && (
        <span className={cx(shape, 'border-dashed border-machine text-machine')}>
          <Swatch colour={colours.get(predicted) ?? 'var(--ink-3)'} />
          {!narrow && <span className="truncate">{predicted}</span>}
          {!narrow && width2(score)}
        </span>
      )}
    </span>
  )
}

const width2 = (score: number) => (Number.isNaN(score) ? null : <span className="num">{score.toFixed(2)}</span>)
