import { useEffect, useLayoutEffect, useMemo, useRef, useState, type MouseEvent, type ReactNode } from 'react'
import type { Sheet } from '@/media/columns'
import { slotsAt } from '@/media/moments'
import { wantThumbs } from '@/media/thumbs'
import { bindKeys } from '@/shell/keys'
import type { Selection } from './view'
import { Tile } from './tile'

const GAP = 4
const PAD = 8

type Props = {
  sheet: Sheet
  rows: Uint32Array
  selection: Selection & { put: (rows: ArrayLike<number>, on: boolean | 'toggle', only?: boolean) => void }
  size: number
  label: string
  /** The place in the view that the keys act on. */
  at: number
  onAt: (at: number) => void
  onOpen: (row: number) => void
  onPeek?: () => void
  /** Names the view, where the same one may come with new rows. */
  of?: string
  /** What stands on a tile in place of its labels. */
  note?: (row: number) => ReactNode
  /** Whether a tile stands for all samples of its group. */
  gathered?: boolean
}

/** The median shape of the pictures, so that few are cut. */
function shapeOf(sheet: Sheet): number {
  const width = sheet.columns.get('width')
  const height = sheet.columns.get('height')
  if (width?.kind !== 'numbers' || height?.kind !== 'numbers' || !sheet.size) return 4 / 3
  const step = Math.max(1, Math.floor(sheet.size / 999))
  const shapes: number[] = []
  for (let row = 0; row < sheet.size; row += step) shapes.push(width.values[row]! / height.values[row]!)
  const median = shapes.filter((one) => one > 0).sort((a, b) => a - b)[Math.floor(shapes.length / 2)] ?? 4 / 3
  return Math.min(1.8, Math.max(0.75, median))
}

/** The samples as tiles. Only what is in sight exists; rows are keyed by slot, so that scrolling makes no elements. */
export function Grid({ sheet, rows, selection, size, label, at, onAt, onOpen, onPeek, of, note, gathered }: Props) {
  const frame = useRef<HTMLDivElement>(null)
  const [box, setBox] = useState({ width: 0, height: 0 })
  const [top, setTop] = useState(0)
  const anchor = useRef(0)
  useLayoutEffect(() => {
    const element = frame.current!
    const seen = new ResizeObserver(() => setBox({ width: element.clientWidth, height: element.clientHeight }))
    seen.observe(element)
    setBox({ width: element.clientWidth, height: element.clientHeight })
    return () => seen.disconnect()
  }, [])
  const shape = useMemo(() => shapeOf(sheet), [sheet])
  const inner = Math.max(0, box.width - 2 * PAD)
  const across = Math.max(1, Math.floor((inner + GAP) / (size + GAP)))
  const width = Math.max(1, Math.floor((inner - GAP * (across - 1)) / across))
  const height = Math.round(width / shape)
  const step = height + GAP
  const lines = Math.ceil(rows.length / across)
  const first = Math.max(0, Math.min(lines - 1, Math.floor((top - PAD) / step) - 1))
  const pool = Math.ceil(box.height / step) + 3
  const last = Math.min(lines, first + pool)

  useEffect(() => {
    if (!box.width) return
    const ids: string[] = []
    for (let place = first * across; place < Math.min(rows.length, last * across); place++) ids.push(sheet.ids[rows[place]!]!)
    wantThumbs(ids)
  }, [sheet, rows, first, last, across, box.width])

  // Another view begins at its top; the same one stays where it is when labels come in.
  const scrolled = useRef(0)
  scrolled.current = top
  useLayoutEffect(() => {
    if (!scrolled.current) return // setting it where it stands already would lay everything out
    frame.current!.scrollTop = 0
    setTop(0)
  }, [of ?? rows])

  const go = (to: number) => {
    const next = Math.max(0, Math.min(rows.length - 1, to))
    onAt(next)
    const line = Math.floor(next / across)
    const element = frame.current!
    const y = PAD + line * step
    if (y < element.scrollTop) element.scrollTop = y - PAD
    else if (y + height > element.scrollTop + box.height) element.scrollTop = y + height + PAD - box.height
  }
  const range = (from: number, to: number): Uint32Array => rows.subarray(Math.min(from, to), Math.max(from, to) + 1)
  const moves = useRef<(to: number, extend?: boolean) => void>(() => {})
  moves.current = (to, extend) => {
    go(to)
    if (extend) selection.put(range(anchor.current, Math.max(0, Math.min(rows.length - 1, to))), true)
    else anchor.current = Math.max(0, Math.min(rows.length - 1, to))
  }
  const now = useRef({ at, across, rows, page: 1 })
  now.current = { at, across, rows, page: Math.max(1, Math.floor(box.height / step)) * across }
  const acts = useRef({ selection, onOpen, onPeek })
  acts.current = { selection, onOpen, onPeek }
  useEffect(() => {
    const move = (by: () => number, name: string, hidden = false, extend = false) => ({ label: name, hidden, run: () => moves.current(now.current.at + by(), extend) })
    return bindKeys({
      ArrowRight: move(() => 1, 'Next tile'),
      ArrowLeft: move(() => -1, 'Previous tile'),
      ArrowDown: move(() => now.current.across, 'Tile below'),
      ArrowUp: move(() => -now.current.across, 'Tile above'),
      j: move(() => 1, 'Next tile', true),
      k: move(() => -1, 'Previous tile', true),
      PageDown: move(() => now.current.page, 'A page down', true),
      PageUp: move(() => -now.current.page, 'A page up', true),
      Home: { label: 'First tile', hidden: true, run: () => moves.current(0) },
      End: { label: 'Last tile', hidden: true, run: () => moves.current(now.current.rows.length - 1) },
      'Shift+ArrowRight': move(() => 1, 'Select onward', false, true),
      'Shift+ArrowLeft': move(() => -1, 'Select back', true, true),
      'Shift+ArrowDown': move(() => now.current.across, 'Select downward', true, true),
      'Shift+ArrowUp': move(() => -now.current.across, 'Select upward', true, true),
      x: { label: 'Select tile', run: () => now.current.rows.length && acts.current.selection.put([now.current.rows[now.current.at]!], 'toggle') },
      'Ctrl+a': { label: 'Select the view', run: () => acts.current.selection.put(now.current.rows, true) },
      Enter: { label: 'Open sample', run: () => now.current.rows.length && acts.current.onOpen(now.current.rows[now.current.at]!) },
      Space: { label: 'Peek', run: () => acts.current.onPeek?.(), enabled: () => !!acts.current.onPeek },
    })
  }, [])

  const press = useRef<(place: number, event: MouseEvent) => void>(() => {})
  press.current = (place, event) => {
    if (event.button !== 0) return
    onAt(place)
    if (event.shiftKey) {
      event.preventDefault()
      selection.put(range(anchor.current, place), true)
      return
    }
    anchor.current = place
    const row = rows[place]!
    if (event.ctrlKey || event.metaKey) selection.put([row], 'toggle')
    else selection.put(selection.count === 1 && selection.mask[row] ? [] : [row], true, true)
  }
  const onPress = useRef((place: number, event: MouseEvent) => press.current(place, event)).current
  const open = useRef((place: number) => {
    const row = now.current.rows[place]
    if (row !== undefined) acts.current.onOpen(row)
  }).current

  return (
    <div
      ref={frame}
      role="grid"
      aria-label={label}
      aria-rowcount={lines}
      aria-colcount={across}
      aria-multiselectable
      aria-activedescendant={rows.length ? `tile-${at}` : undefined}
      tabIndex={0}
      onScroll={(event) => setTop(event.currentTarget.scrollTop)}
      className="relative h-full overflow-y-auto overflow-x-hidden focus-visible:-outline-offset-2"
    >
      <div role="presentation" style={{ height: Math.max(0, lines * step - GAP + 2 * PAD) }}>
        {box.width > 0 &&
          Array.from({ length: Math.max(0, last - first) }, (_, index) => {
            const line = first + index
            return (
              <div key={line % pool} role="row" aria-rowindex={line + 1} className="absolute left-0 h-0" style={{ transform: `translateY(${PAD + line * step}px)` }}>
                {Array.from({ length: Math.min(across, rows.length - line * across) }, (_, column) => {
                  const place = line * across + column
                  const row = rows[place]!
                  return <Tile key={column} sheet={sheet} row={row} at={place} width={width} height={height} left={PAD + column * (width + GAP)} selected={selection.mask[row] === 1} current={place === at} onPress={onPress} onOpen={open} note={note} slots={gathered ? slotsAt(sheet, row) : 1} />
                })}
              </div>
            )
          })}
      </div>
    </div>
  )
}
