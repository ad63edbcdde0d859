import { useState } from 'react'
import { decimal, percent } from '@/ui/format'
import { thinned, type CalibrationBin, type PrPoint } from './statistics'

const SIDE = 208
const PAD = 30
const at = (share: number) => PAD + share * (SIDE - PAD - 8)
const up = (share: number) => SIDE - PAD - share * (SIDE - PAD - 8)

function Frame({ x, y, children, label }: { x: string; y: string; label: string; children: React.ReactNode }) {
  return (
    <svg viewBox={`0 0 ${SIDE} ${SIDE}`} width={SIDE} height={SIDE} role="group" aria-label={label} className="num text-[10px] text-ink-3">
      {[0, 0.5, 1].map((share) => (
        <g key={share}>
          <line x1={at(0)} x2={at(1)} y1={up(share)} y2={up(share)} stroke="var(--line)" />
          <line x1={at(share)} x2={at(share)} y1={up(0)} y2={up(1)} stroke="var(--line)" />
          <text x={PAD - 5} y={up(share) + 3} textAnchor="end" fill="var(--ink-2)">
            {share}
          </text>
          <text x={at(share)} y={SIDE - PAD + 13} textAnchor="middle" fill="var(--ink-2)">
            {share}
          </text>
        </g>
      ))}
      <text x={at(0.5)} y={SIDE - 4} textAnchor="middle" fill="var(--ink-2)">
        {x}
      </text>
      <text transform={`rotate(-90 9 ${up(0.5)})`} x={9} y={up(0.5)} textAnchor="middle" fill="var(--ink-2)">
        {y}
      </text>
      {children}
    </svg>
  )
}

/** What pressing a mark does, by mouse and by keyboard. */
const door = (open: () => void) => ({
  role: 'button',
  tabIndex: 0,
  onClick: open,
  onKeyDown: (event: React.KeyboardEvent) => {
    if (event.key !== 'Enter' && event.key !== ' ') return
    event.preventDefault()
    open()
  },
  className: 'cursor-pointer',
})

/** Precision over recall with its 95 % band; a point opens the samples that its threshold names. */
export function PrCurve({ points, name, onPick }: { points: readonly PrPoint[]; name: string; onPick: (threshold: number) => void }) {
  const [near, setNear] = useState<PrPoint | null>(null)
  const shape = thinned(points, 200)
  const doors = thinned(points, 12)
  const band = [...shape.map((one) => `${at(one.recall)},${up(one.limits[1])}`), ...shape.toReversed().map((one) => `${at(one.recall)},${up(one.limits[0])}`)].join(' ')
  return (
    <figure className="flex flex-col">
      <Frame x="recall" y="precision" label={`Precision over recall of ${name}`}>
        <polygon points={band} fill="var(--ink)" opacity={0.1} />
        <polyline points={shape.map((one) => `${at(one.recall)},${up(one.precision)}`).join(' ')} fill="none" stroke="var(--ink)" strokeWidth={1.5} />
        {doors.map((one) => (
          <circle
            key={one.threshold}
            cx={at(one.recall)}
            cy={up(one.precision)}
            r={near === one ? 5 : 3.5}
            fill={near === one ? 'var(--sel)' : 'var(--surface)'}
            stroke={near === one ? 'var(--sel)' : 'var(--ink)'}
            onMouseEnter={() => setNear(one)}
            onFocus={() => setNear(one)}
            aria-label={`At score ${decimal(one.threshold, 2)} and above: precision ${percent(one.precision)}, recall ${percent(one.recall)}, ${one.named} samples`}
            {...door(() => onPick(one.threshold))}
          />
        ))}
      </Frame>
      <figcaption className="num h-4 text-2xs text-ink-2">{near ? `score ≥ ${decimal(near.threshold, 2)}: precision ${percent(near.precision)} [${percent(near.limits[0])}, ${percent(near.limits[1])}]` : 'Band: 95 % interval of the precision'}</figcaption>
    </figure>
  )
}

/** How often the model is right at each confidence, with 95 % intervals; a point opens the samples of its bin. */
export function CalibrationCurve({ bins, onPick }: { bins: readonly CalibrationBin[]; onPick: (bin: CalibrationBin) => void }) {
  const [near, setNear] = useState<CalibrationBin | null>(null)
  return (
    <figure className="flex flex-col">
      <Frame x="confidence" y="share right" label="Share right over confidence">
        <line x1={at(0)} y1={up(0)} x2={at(1)} y2={up(1)} stroke="var(--ink-3)" strokeDasharray="3 3" />
        {bins.map((bin) => (
          <g key={bin.from} onMouseEnter={() => setNear(bin)} onFocus={() => setNear(bin)} aria-label={`Confidence ${percent(bin.from, 0)} to ${percent(bin.to, 0)}: right in ${percent(bin.right)} of ${bin.n}`} {...door(() => onPick(bin))}>
            <line x1={at(bin.confidence)} x2={at(bin.confidence)} y1={up(bin.limits[0])} y2={up(bin.limits[1])} stroke="var(--ink-2)" />
            <circle cx={at(bin.confidence)} cy={up(bin.right)} r={near === bin ? 5 : 3.5} fill={near === bin ? 'var(--sel)' : 'var(--ink)'} />
          </g>
        ))}
      </Frame>
      <figcaption className="num h-4 text-2xs text-ink-2">{near ? `${percent(near.from, 0)}–${percent(near.to, 0)}: ${percent(near.right)} right of ${near.n} [${percent(near.limits[0])}, ${percent(near.limits[1])}]` : 'Dashed: right as often as it says'}</figcaption>
    </figure>
  )
}
