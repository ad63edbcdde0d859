import { X } from 'lucide-react'
import { memo, useDeferredValue, useMemo, useState } from 'react'
import type { Sheet } from '@/media/columns'
import { facetCounts, toggled, type Passed } from '@/media/filters'
import { isRange } from '@/media/links'
import { cx } from '@/ui/classes'
import { Input } from '@/ui/field'
import { count } from '@/ui/format'
import { Swatch } from '@/ui/marks'
import { Histogram } from './histogram'
import { classColours, shownFacets, shownNumbers, spoken, valued } from './names'
import type { View } from './view'

const FEW = 8

/** What the samples of the view are, and the way to fewer of them. */
export function Facets({ view: { sheet, passed, filters, setFilters } }: { view: View }) {
  return <Shown sheet={sheet} filters={filters} setFilters={setFilters} passed={useDeferredValue(passed)} />
}

/** The tiles come first: counts and histograms follow when they are there. */
const Shown = memo(function Shown({ sheet, passed, filters, setFilters }: Pick<View, 'sheet' | 'passed' | 'filters' | 'setFilters'>) {
  return (
    <aside aria-label="Facets" tabIndex={0} className="h-full w-64 shrink-0 overflow-y-auto border-r border-line px-4 py-3">
      <div className="flex flex-col gap-3">
        {!sheet.whole && <p className="text-2xs text-ink-3">Counting {count(sheet.total)} samples.</p>}
        {whole(sheet, shownFacets).map((name) => (
          <Facet key={name} sheet={sheet} passed={passed} name={name} chosen={(isRange(filters[name]) ? [] : (filters[name] ?? [])) as readonly string[]} onToggle={(value) => setFilters(toggled(filters, name, value))} />
        ))}
        {whole(sheet, shownNumbers).map((name) => {
          const range = filters[name]
          return <Histogram key={name} sheet={sheet} passed={passed} name={name} range={isRange(range) ? range : undefined} onRange={(next) => setFilters({ ...filters, [name]: next ?? [] })} />
        })}
      </div>
    </aside>
  )
})

/** Of the newest samples alone nothing is counted. */
const whole = (sheet: Sheet, named: (sheet: Sheet) => string[]) => (sheet.whole ? named(sheet) : [])

function Facet({ sheet, passed, name, chosen, onToggle }: { sheet: Sheet; passed: Passed; name: string; chosen: readonly string[]; onToggle: (value: string) => void }) {
  const [all, setAll] = useState(false)
  const [search, setSearch] = useState('')
  const counts = useMemo(() => facetCounts(sheet, passed, name), [sheet, passed, name])
  const column = sheet.columns.get(name)
  if (column?.kind !== 'texts') return null
  const values = [...column.values.map((value, code) => ({ value, rows: counts[code]! })), { value: '', rows: counts[column.values.length]! }]
    .filter((one) => one.rows > 0 || chosen.includes(one.value))
    .sort((a, b) => Number(a.value === '') - Number(b.value === '') || b.rows - a.rows)
  const many = values.length > FEW + 1
  const found = search ? values.filter((one) => valued(name, one.value).toLowerCase().includes(search.toLowerCase())) : values
  const shown = many && !all && !search ? [...found.slice(0, FEW), ...found.slice(FEW).filter((one) => chosen.includes(one.value))] : found.slice(0, 200)
  const most = Math.max(1, ...values.map((one) => one.rows))
  const colours = name === 'label' || name === 'predicted' ? classColours(sheet) : null
  if (values.length < 2 && !chosen.length) return null
  return (
    <section className="flex flex-col border-b border-line pb-2" aria-label={spoken(name)}>
      <h3 className="flex h-6 items-center text-xs text-ink-2">{spoken(name)}</h3>
      {many && <Input aria-label={`Find in ${spoken(name)}`} placeholder={`Find among ${count(values.length)}`} value={search} onChange={(event) => setSearch(event.target.value)} className="mb-1 h-6 text-xs" />}
      {shown.map(({ value, rows }) => {
        const on = chosen.includes(value)
        return (
          <button key={value} type="button" role="checkbox" aria-checked={on} onClick={() => onToggle(value)} className={cx('relative flex h-6 items-center gap-2 rounded-sm px-1 text-left text-xs', on ? 'bg-sel-bg text-ink' : 'hover:bg-raised', chosen.length > 0 && !on && 'text-ink-3')}>
            <span aria-hidden className="absolute inset-y-1 right-0 rounded-l-[2px] bg-line" style={{ width: `${(rows / most) * 62}%` }} />
            {colours ? <Swatch colour={value ? (colours.get(value) ?? 'var(--ink-3)') : 'transparent'} /> : null}
            <span className={cx('relative min-w-0 grow truncate', value === '' && 'italic')}>{valued(name, value)}</span>
            <span className="num relative text-ink-2">{count(rows)}</span>
          </button>
        )
      })}
      {many && !search && (
        <button type="button" onClick={() => setAll(!all)} className="h-6 px-1 text-left text-xs text-ink-3 hover:text-ink">
          {all ? 'Fewer' : `All ${count(values.length)}`}
        </button>
      )}
    </section>
  )
}

/** The filters that hold, each with a way out of it. */
export function Chips({ view, clear, drop }: { view: View; clear: () => void; drop: (name: 'q' | 'like' | 'set') => void; }) {
  const { filters, setFilters, set, like } = view
  const names = Object.keys(filters).filter((name) => filters[name]!.length)
  const chips: { key: string; text: string; off: () => void }[] = names.map((name) => {
    const wanted = filters[name]!
    const text = isRange(wanted) ? `${+wanted[0].toPrecision(3)} to ${+wanted[1].toPrecision(3)}` : (wanted as readonly string[]).map((value) => valued(name, value)).join(' or ')
    return { key: name, text: `${spoken(name)}: ${text}`, off: () => setFilters({ ...filters, [name]: [] }) }
  })
  if (set) chips.push({ key: 'set', text: set.label, off: () => drop('set') })
  if (like) chips.push({ key: 'like', text: 'Similar, nearest first', off: () => drop('like') })
  if (!chips.length) return null
  return (
    <div className="flex flex-wrap items-center gap-1 border-b border-line px-2 py-1">
      {chips.map((chip) => (
        <button key={chip.key} type="button" onClick={chip.off} aria-label={`Drop ${chip.text}`} className="flex h-6 max-w-80 items-center gap-1 rounded-sm bg-sel-bg px-1.5 text-xs text-ink hover:bg-raised">
          <span className="truncate">{chip.text}</span>
          <X size={12} className="shrink-0 text-ink-2" aria-hidden />
        </button>
      ))}
      <button type="button" onClick={clear} className="h-6 px-1.5 text-xs text-ink-2 hover:text-ink">
        Clear all
      </button>
    </div>
  )
}
