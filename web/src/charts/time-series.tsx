import { Table2 } from 'lucide-react'
import { useEffect, useId, useMemo, useRef, useState } from 'react'
import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'
import { token, useTheme } from '@/shell/theme'
import { Button } from '@/ui/button'
import { momentText, shortNumber, tickTexts, yRange } from './clock'
import { DataTable } from './data-table'
import { drawMarks, type Marker, type Threshold } from './marks'

export type Line = { name: string; values: readonly (number | null)[]; tone?: 'ink' | 'ink-3' | 'machine' | 'warn' | 'sel'; dash?: boolean }

type Props = {
  title: string
  unit?: string
  /** Seconds since 1970, or the number of an image where `xName` says so; rising. */
  x: readonly number[]
  lines: readonly Line[]
  thresholds?: readonly Threshold[]
  markers?: readonly Marker[]
  /** Charts with the same key share one crosshair. */
  sync?: string
  xName?: string
  xRange?: readonly [number, number]
  fixedY?: readonly [number, number]
  height?: number
  /** What the chart says, for who does not see it. */
  summary: string
  onRange?: (from: number, to: number) => void
}

/** A line chart over time: thresholds and markers drawn, the value under the crosshair in its head, the same as a table. */
export function TimeSeries({ title, unit = '', x, lines, thresholds = [], markers = [], sync, xName, xRange, fixedY, height = 132, summary, onRange }: Props) {
  const frame = useRef<HTMLDivElement>(null)
  const chart = useRef<uPlot>(null)
  const readout = useRef<HTMLSpanElement>(null)
  const [asTable, setAsTable] = useState(false)
  const shade = useTheme()
  const id = useId()
  const shape = JSON.stringify([lines.map((line) => [line.name, line.tone, line.dash]), xName, sync, fixedY, unit, height, Boolean(onRange)])
  const data = useMemo(() => [x, ...lines.map((line) => line.values)] as unknown as uPlot.AlignedData, [x, lines])
  const live = useRef({ thresholds, markers, xRange, data, onRange })
  live.current = { thresholds, markers, xRange, data, onRange }

  useEffect(() => {
    const host = frame.current
    if (!host || asTable) return
    const colour = (name: string) => token(name)
    const grid = { stroke: colour('line'), width: 1 }
    const axis = { stroke: colour('ink-2'), font: '11px "Inter Variable", system-ui', ticks: { show: false }, grid }
    const say = (plot: uPlot, at: number | null | undefined) => {
      if (!readout.current) return
      const row = at ?? plot.data[0].length - 1
      const values = lines.map((line, index) => `${lines.length > 1 ? `${line.name} ` : ''}${shortNumber(plot.data[index + 1]?.[row])}`).join('  ')
      const when = at == null ? '' : `${xName ? `${xName} ${shortNumber(plot.data[0][row])}` : momentText(plot.data[0][row] ?? 0)}  `
      readout.current.textContent = plot.data[0].length ? `${when}${values}${unit && ` ${unit}`}` : ''
    }
    const plot = new uPlot(
      {
        width: Math.max(120, host.clientWidth),
        height,
        ms: 1e-3,
        padding: [8, 8, 0, 0],
        legend: { show: false },
        scales: {
          x: { time: !xName, range: (_, low, high) => (live.current.xRange ? [...live.current.xRange] : low === high ? [low - 1, high + 1] : [low, high]) as [number, number] },
          y: { range: (_, low, high) => yRange(low, high, live.current.thresholds.map((one) => one.y), fixedY) },
        },
        axes: [
          { ...axis, size: xName ? 24 : 36, gap: 4, space: 64, values: (_, ticks) => (xName ? ticks.map(shortNumber) : tickTexts(ticks, (ticks.at(-1) ?? 0) - (ticks[0] ?? 0))) },
          { ...axis, size: 44, gap: 4, space: 28, values: (_, ticks) => ticks.map(shortNumber) },
        ],
        series: [
          {},
          ...lines.map((line, index) => ({ label: line.name, stroke: colour(line.tone ?? (index === 0 ? 'ink' : 'ink-3')), width: 1.5, dash: line.dash ? [4, 3] : [], spanGaps: false, points: { show: x.length < 3 } })),
        ],
        cursor: { y: false, drag: { x: Boolean(onRange), y: false, setScale: false }, points: { size: 5 }, ...(sync ? { sync: { key: sync, setSeries: false } } : {}) },
        hooks: {
          draw: [(at) => drawMarks(at, live.current.thresholds, live.current.markers)],
          setCursor: [(at) => say(at, at.cursor.idx)],
          setData: [(at) => say(at, null)],
          ready: [(at) => say(at, null)],
          setSelect: [
            (at) => {
              if (at.select.width < 4) return
              live.current.onRange?.(at.posToVal(at.select.left, 'x'), at.posToVal(at.select.left + at.select.width, 'x'))
              at.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false)
            },
          ],
        },
      },
      live.current.data,
      host,
    )
    chart.current = plot
    const watch = new ResizeObserver(() => host.clientWidth && plot.setSize({ width: host.clientWidth, height }))
    watch.observe(host)
    return () => {
      watch.disconnect()
      plot.destroy()
      chart.current = null
    }
    // The rest reaches the chart through `live`; a change of shape or shade makes a new one.
  }, [shape, shade, asTable])

  const [begin, end] = xRange ?? []
  useEffect(() => {
    if (begin === undefined || end === undefined) return chart.current?.setData(data)
    chart.current?.setData(data, false)
    chart.current?.setScale('x', { min: begin, max: end })
  }, [data, begin, end, shape, shade, asTable])
  // Not the paths: their scale is still on its way when the data has just been set.
  useEffect(() => chart.current?.redraw(false), [thresholds, markers])

  return (
    <figure className="flex min-w-0 flex-col gap-1" aria-labelledby={id}>
      <figcaption id={id} className="flex h-6 items-baseline gap-2">
        <span className="truncate text-xs text-ink-2">
          {title}
          {unit && ` (${unit})`}
        </span>
        <span ref={readout} className="num truncate font-medium" />
        <span className="ml-auto">
          <Button look="quiet" small icon={<Table2 size={13} />} aria-label={`${title} as a table`} aria-pressed={asTable} onClick={() => setAsTable(!asTable)} />
        </span>
      </figcaption>
      {asTable ? (
        <DataTable title={title} head={[xName ?? 'time', ...lines.map((line) => line.name)]} rows={x.map((at, row) => [xName ? shortNumber(at) : momentText(at), ...lines.map((line) => shortNumber(line.values[row]))])} height={height} />
      ) : (
        <div ref={frame} role="img" aria-label={markers.length ? `${summary}; marked ${markers.map((one) => one.label).join(', ')}` : summary} className="min-w-0 overflow-hidden" style={{ height }} />
      )}
    </figure>
  )
}
