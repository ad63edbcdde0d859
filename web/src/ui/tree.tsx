import { shortNumber } from '@/charts/clock'
import { Copyable } from './states'

const ID = /^([a-z]{3}_[0-9a-hjkmnp-tv-z]{26}|[0-9a-f]{64})$/

/** A JSON value as nested rows that fold; ids and hashes copy on a click. */
export function Tree({ name, value, open = false }: { name: string; value: unknown; open?: boolean }) {
  if (value !== null && typeof value === 'object') {
    const entries = Object.entries(value).slice(0, 200)
    const size = Object.keys(value).length
    if (!size) return <Row name={name}>none</Row>
    return (
      <details open={open} className="text-xs">
        <summary className="flex h-6 cursor-default items-center gap-2 text-ink-2 hover:text-ink">
          <span aria-hidden className="inline-block w-3 text-ink-3 [details[open]>summary>&]:rotate-90">
            ›
          </span>
          {name}
          <span className="num text-ink-3">{Array.isArray(value) ? `${size} items` : ''}</span>
        </summary>
        <div className="ml-1.5 border-l border-line pl-3">
          {entries.map(([key, inner]) => (
            <Tree key={key} name={key} value={inner} open={open && size <= 12 && typeof inner === 'object'} />
          ))}
          {size > entries.length && <Row name="…">{size - entries.length} more</Row>}
        </div>
      </details>
    )
  }
  if (typeof value === 'string' && ID.test(value))
    return (
      <Row name={name}>
        <Copyable text={value} short={34} />
      </Row>
    )
  return <Row name={name}>{typeof value === 'number' ? shortNumber(value) : value === '' || value === null ? '–' : String(value)}</Row>
}

function Row({ name, children }: { name: string; children: React.ReactNode }) {
  return (
    <div className="num flex min-h-6 items-baseline gap-3 py-0.5 text-xs">
      <span className="w-36 shrink-0 truncate text-ink-2" title={name}>
        {name}
      </span>
      <span className="min-w-0 break-words">{children}</span>
    </div>
  )
}
