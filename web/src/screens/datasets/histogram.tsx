import { useMemo, useRef, useState, type KeyboardEvent, type PointerEvent } from 'react'
import type { Sheet } from '@/media/columns'
import { extent, histogram, type Passed } from '@/media/filters'
import { bytes } from '@/ui/format'
import { spoken } from './names'

const WIDTH = 216
const HEIGHT = 36
const BINS = 36

const shown = (name: string, value: number): string => (name === 'size_bytes' ? bytes(value) : Math.abs(value) >= 100 ? value.toFixed(0) : String(+value.toPrecision(3)))

/** One path for all bars: what is there is at least a pixel high. */
function bars(bins: Uint32Array, tallest: number): string {
  const width = WIDTH / BINS
  return Array.from(bins, (rows, bin) => {
    const height = Math.max(1, (rows / tallest) * (HEIGHT - 2))
    return rows ? `M${(bin * width).toFixed(1)} ${HEIGHT}v-${height.toFixed(1)}h${(width - 1).toFixed(1)}v${height.toFixed(1)}z` : ''
  }).join('')
}

/** How a number is spread in the view; a drag over it narrows the view to a range. */
export function Histogram({ sheet, passed, name, range, onRange }: { sheet: Sheet; passed: Passed; name: string; range: readonly [number, number] | undefined; onRange: (range: [number, number] | null) => void }) {
  const ends = useMemo(() => extent(sheet, name), [sheet, name])
  const found = useMemo(() => histogram(sheet, passed, name, ends, BINS), [sheet, passed, name, ends])
  const [drag, setDrag] = useState<[number, number] | null>(null)
  const from = useRef(0)
  const [low, high] = ends
  if (Number.isNaN(low) || low === high) return null
  const tallest = Math.max(1, ...found.all)
  const value = (x: number) => low + (Math.max(0, Math.min(WIDTH, x)) / WIDTH) * (high - low)
  const place = (one: number) => ((one - low) / (high - low)) * WIDTH
  const asked = drag ?? range
  const x = (event: PointerEvent<SVGSVGElement>) => event.clientX - event.currentTarget.getBoundingClientRect().left
  const nudge = (event: KeyboardEvent<SVGSVGElement>) => {
    const by = ((event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0) * (high - low)) / BINS
    if (event.key === 'Escape' || event.key === 'Backspace') onRange(null)
    else if (!by) return
    else {
      const [a, b] = range ?? [low, high]
      onRange(event.shiftKey ? [a, Math.min(high, Math.max(a, b + by))] : [Math.max(low, Math.min(b, a + by)), b])
    }
    event.preventDefault()
    event.stopPropagation()
  }
  return (
    <div className="flex flex-col gap-1">
      <div className="flex h-6 items-center justify-between text-xs text-ink-2">
        <h3>{spoken(name)}</h3>
        <span className="num text-2xs text-ink-3">
          {shown(name, asked?.[0] ?? low)} to {shown(name, asked?.[1] ?? high)}
        </span>
      </div>
      <svg
        width={WIDTH}
        height={HEIGHT}
        role="slider"
        tabIndex={0}
        aria-label={`${spoken(name)}: drag for a range, arrows move its low end, Shift with arrows its high end, Escape ends it`}
        aria-valuemin={low}
        aria-valuemax={high}
        aria-valuenow={range?.[0] ?? low}
        aria-valuetext={`${shown(name, range?.[0] ?? low)} to ${shown(name, range?.[1] ?? high)}`}
        onKeyDown={nudge}
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId)
          from.current = x(event)
          setDrag([value(from.current), value(from.current)])
        }}
        onPointerMove={(event) => drag && setDrag([value(Math.min(from.current, x(event))), value(Math.max(from.current, x(event)))])}
        onPointerUp={(event) => {
          const to = x(event)
          setDrag(null)
          onRange(Math.abs(to - from.current) < 3 ? null : [value(Math.min(from.current, to)), value(Math.max(from.current, to))])
        }}
        className="block cursor-crosshair touch-none"
      >
        <path d={bars(found.all, tallest)} fill="var(--line-strong)" />
        <path d={bars(found.bins, tallest)} fill="var(--ink-2)" />
        {asked && <rect x={place(Math.max(low, asked[0]))} y={0} width={Math.max(1, place(Math.min(high, asked[1])) - place(Math.max(low, asked[0])))} height={HEIGHT} fill="var(--sel-bg)" stroke="var(--sel)" strokeWidth={1} />}
      </svg>
    </div>
  )
}
