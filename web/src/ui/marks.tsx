import type { ReactNode } from 'react'
import { cx } from './classes'

type Tone = 'plain' | 'machine' | 'warn' | 'crit' | 'sel'
const TONES: Record<Tone, string> = {
  plain: 'border-line-strong text-ink-2',
  machine: 'border-dashed border-machine text-machine',
  warn: 'border-transparent bg-warn-bg text-warn',
  crit: 'border-transparent bg-crit-bg text-crit',
  sel: 'border-transparent bg-sel-bg text-sel',
}

/** A small word about a thing. `machine` is for what a model said and nobody accepted; healthy things are `plain`. */
export function Tag({ tone = 'plain', children, title }: { tone?: Tone; children: ReactNode; title?: string }) {
  return (
    <span title={title} className={cx('inline-flex h-5 max-w-full items-center gap-1 truncate rounded-sm border px-1.5 text-xs', TONES[tone])}>
      {children}
    </span>
  )
}

/** A dot that is there only when something deviates. */
export function Dot({ tone, label }: { tone: 'warn' | 'crit'; label: string }) {
  return <span role="img" aria-label={label} title={label} className={cx('inline-block size-1.5 shrink-0 rounded-full', tone === 'warn' ? 'bg-warn' : 'bg-crit')} />
}

export const PALETTE = ['#6FB1FF', '#FFB454', '#FF7A8A', '#9BD770', '#C79BFF', '#4FD6C9', '#F2D95C', '#E58BD0'] as const

/** The colour of the class that stands at `index` in its schema; a schema may name its own. */
export const hue = (index: number, own?: string): string => own || PALETTE[((index % PALETTE.length) + PALETTE.length) % PALETTE.length]!

/** The swatch of a class; its name beside it stays in ink. */
export function Swatch({ colour }: { colour: string }) {
  return <span aria-hidden className="inline-block size-2 shrink-0 rounded-[2px]" style={{ background: colour }} />
}

/** A number with its name; the whole is a door where `children` wrap it in a link. */
export function Figure({ value, label, tone, sub }: { value: ReactNode; label: string; tone?: 'warn' | 'crit'; sub?: ReactNode }) {
  return (
    <span className="flex min-w-0 flex-col">
      <span className="truncate text-xs text-ink-2">{label}</span>
      <span className={cx('num text-lg font-semibold', tone === 'warn' && 'text-warn', tone === 'crit' && 'text-crit')}>{value}</span>
      {sub && <span className="num truncate text-2xs text-ink-3">{sub}</span>}
    </span>
  )
}
