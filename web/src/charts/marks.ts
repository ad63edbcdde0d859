import type uPlot from 'uplot'
import { token } from '@/shell/theme'

/** A level that the line should stay below, drawn across the chart. */
export type Threshold = { y: number; label: string; tone?: 'warn' | 'crit' }
/** Something that happened at one x: a roll-out, an alarm. */
export type Marker = { x: number; label: string; tone?: 'ink-2' | 'warn' | 'crit' }

/** Draws thresholds and markers over a chart that has just been drawn. */
export function drawMarks(plot: uPlot, thresholds: readonly Threshold[], markers: readonly Marker[]): void {
  const { ctx, bbox } = plot
  const scale = devicePixelRatio || 1
  ctx.save()
  ctx.beginPath()
  ctx.rect(bbox.left, bbox.top - 8 * scale, bbox.width, bbox.height + 8 * scale)
  ctx.clip()
  ctx.lineWidth = scale
  ctx.textBaseline = 'alphabetic'
  ctx.font = `${11 * scale}px "Inter Variable", system-ui`
  for (const one of thresholds) {
    const y = Math.round(plot.valToPos(one.y, 'y', true)) + 0.5
    if (y < bbox.top || y > bbox.top + bbox.height) continue
    ctx.strokeStyle = ctx.fillStyle = token(one.tone ?? 'warn')
    ctx.setLineDash([4 * scale, 3 * scale])
    line(ctx, bbox.left, y, bbox.left + bbox.width, y)
    ctx.textAlign = 'right'
    ctx.fillText(one.label, bbox.left + bbox.width - 4 * scale, y - 4 * scale)
  }
  ctx.setLineDash([])
  ctx.textAlign = 'left'
  let free = -Infinity
  for (const one of [...markers].sort((a, b) => a.x - b.x)) {
    const x = Math.round(plot.valToPos(one.x, 'x', true)) + 0.5
    if (x < bbox.left || x > bbox.left + bbox.width) continue
    ctx.strokeStyle = ctx.fillStyle = token(one.tone ?? 'ink-2')
    line(ctx, x, bbox.top, x, bbox.top + bbox.height)
    const width = ctx.measureText(one.label).width
    const flip = x + width + 8 * scale > bbox.left + bbox.width
    const left = flip ? x - width - 4 * scale : x + 4 * scale
    if (left < free) continue
    ctx.fillText(one.label, left, bbox.top + 10 * scale)
    free = left + width + 8 * scale
  }
  ctx.restore()
}

function line(ctx: CanvasRenderingContext2D, x0: number, y0: number, x1: number, y1: number): void {
  ctx.beginPath()
  ctx.moveTo(x0, y0)
  ctx.lineTo(x1, y1)
  ctx.stroke()
}
