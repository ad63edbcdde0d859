import type { Column, Sheet } from './columns'
import { isRange, type Filters } from './links'

/** Which rows pass: `fails` counts the filters that each row misses, `missed` names the last of them. */
export type Passed = { readonly fails: Uint8Array; readonly missed: Uint8Array; readonly filters: readonly string[] }

/** The filters with a facet's value put in or taken out. */
export function toggled(filters: Filters, name: string, value: string): Filters {
  const old = filters[name]
  const list = old && !isRange(old) ? (old as readonly string[]) : []
  return { ...filters, [name]: list.includes(value) ? list.filter((one) => one !== value) : [...list, value] }
}

/** Rows whose name, id or any text contains the words, as a mask. */
export function matching(sheet: Sheet, query: string): Uint8Array | null {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean)
  if (!words.length) return null
  const found = new Uint8Array(sheet.size).fill(1)
  const searched = [...sheet.columns].filter(([name]) => name !== 'ingested_at').map(([, column]) => column)
  for (const word of words) {
    const hits = new Uint8Array(sheet.size)
    for (const column of searched) {
      if (column.kind !== 'texts') continue
      const wanted = Uint8Array.from(column.values, (value) => (value.toLowerCase().includes(word) ? 1 : 0))
      if (!wanted.includes(1)) continue
      for (let row = 0; row < sheet.size; row++) if (column.codes[row]! >= 0 && wanted[column.codes[row]!]) hits[row] = 1
    }
    for (let row = 0; row < sheet.size; row++) if (!hits[row] && (sheet.names[row]!.toLowerCase().includes(word) || sheet.ids[row] === word)) hits[row] = 1
    for (let row = 0; row < sheet.size; row++) found[row]! &= hits[row]!
  }
  return found
}

/** Rows of the samples that are named, as a mask. */
export function maskOf(sheet: Sheet, ids: Iterable<string>): Uint8Array {
  const mask = new Uint8Array(sheet.size)
  for (const id of ids) {
    const row = sheet.row(id)
    if (row >= 0) mask[row] = 1
  }
  return mask
}

/** Each row against all filters and masks in one pass for each. */
export function apply(sheet: Sheet, filters: Filters, masks: readonly (Uint8Array | null)[] = []): Passed {
  const { size } = sheet
  const fails = new Uint8Array(size)
  const missed = new Uint8Array(size)
  const names = Object.keys(filters).filter((name) => filters[name]!.length)
  names.forEach((name, at) => tell(holding(sheet.columns.get(name), filters[name]!, size), at, fails, missed))
  for (const mask of masks) if (mask) tell(mask, 255, fails, missed)
  return { fails, missed, filters: names }
}

/** Counts the rows of which the mask says 0 as failing. */
function tell(mask: Uint8Array, at: number, fails: Uint8Array, missed: Uint8Array): void {
  for (let row = 0; row < mask.length; row++) {
    if (mask[row]) continue
    fails[row]!++
    missed[row] = at
  }
}

/** Which rows of a column a filter wants, as a mask. */
function holding(column: Column | undefined, wanted: Filters[string], size: number): Uint8Array {
  const mask = new Uint8Array(size)
  if (!column || column.kind === 'plain') return mask
  if (column.kind === 'numbers') {
    const { values } = column
    if (isRange(wanted)) {
      const [low, high] = wanted
      for (let row = 0; row < size; row++) mask[row] = values[row]! >= low && values[row]! <= high ? 1 : 0
    } else {
      const allowed = new Set((wanted as readonly string[]).map((one) => (one === '' ? NaN : Number(one))))
      for (let row = 0; row < size; row++) mask[row] = allowed.has(values[row]!) ? 1 : 0
    }
    return mask
  }
  // One place more than there are values: code -1 (none) reads the last.
  const none = column.values.length
  const allowed = new Uint8Array(none + 1)
  for (const value of wanted as readonly (string | number)[]) {
    const code = value === '' ? none : column.values.indexOf(String(value))
    if (code >= 0) allowed[code] = 1
  }
  const { codes } = column
  for (let row = 0; row < size; row++) mask[row] = allowed[codes[row]! < 0 ? none : codes[row]!]!
  return mask
}

const held = new WeakMap<Passed, Map<number, Uint32Array>>()

/** The rows that count for a column's own facet: they pass all filters but perhaps that column's. */
function counted(passed: Passed, name: string): Uint32Array {
  const own = passed.filters.indexOf(name)
  let lists = held.get(passed)
  if (!lists) held.set(passed, (lists = new Map()))
  let found = lists.get(own)
  if (!found) {
    const { fails, missed } = passed
    const rows = new Uint32Array(fails.length)
    let count = 0
    for (let row = 0; row < rows.length; row++) if (fails[row] === 0 || (fails[row] === 1 && missed[row] === own)) rows[count++] = row
    lists.set(own, (found = rows.subarray(0, count)))
  }
  return found
}

/** How many of the rows have each code; those with none are the last number. */
function tally(codes: Int32Array | Uint8Array, rows: Uint32Array, none: number): Uint32Array {
  const found = new Uint32Array(none + 1)
  for (let at = 0; at < rows.length; at++) {
    const code = codes[rows[at]!]!
    found[code < 0 ? none : code]!++
  }
  return found
}

/** How many rows have each value of a facet under the other filters; the last number is those with none. */
export function facetCounts(sheet: Sheet, passed: Passed, name: string): Uint32Array {
  const column = sheet.columns.get(name)
  return column?.kind === 'texts' ? tally(column.codes, counted(passed, name), column.values.length) : new Uint32Array(1)
}

export type Histogram = { low: number; high: number; bins: Uint32Array; all: Uint32Array; none: number }

const extents = new WeakMap<Column, [number, number]>()

/** The smallest and largest number of a column; NaN where it has none. */
export function extent(sheet: Sheet, name: string): [number, number] {
  const column = sheet.columns.get(name)
  if (column?.kind !== 'numbers') return [NaN, NaN]
  let found = extents.get(column)
  if (!found) {
    let low = Infinity
    let high = -Infinity
    for (const value of column.values) {
      if (value < low) low = value
      if (value > high) high = value
    }
    extents.set(column, (found = low <= high ? [low, high] : [NaN, NaN]))
  }
  return found
}

type Binned = { key: string; codes: Uint8Array; all: Uint32Array }
const binnings = new WeakMap<Column, Binned>()

/** The bin of each row, made once for a column; `count` for none. */
function binned(column: Column & { kind: 'numbers' }, [low, high]: [number, number], count: number): Binned {
  const key = `${low} ${high} ${count}`
  let found = binnings.get(column)
  if (found?.key !== key) {
    const { values } = column
    const codes = new Uint8Array(values.length)
    const all = new Uint32Array(count + 1)
    const scale = high > low ? count / (high - low) : 0
    for (let row = 0; row < codes.length; row++) {
      const value = values[row]!
      const bin = value !== value ? count : Math.min(count - 1, ((value - low) * scale) | 0)
      codes[row] = bin
      all[bin]!++
    }
    binnings.set(column, (found = { key, codes, all: all.subarray(0, count) }))
  }
  return found
}

/** How a number is spread under the other filters (`bins`) and over the whole sheet (`all`), in at most 254 bins. */
export function histogram(sheet: Sheet, passed: Passed, name: string, ends: [number, number], count = 32): Histogram {
  const [low, high] = ends
  const column = sheet.columns.get(name)
  if (column?.kind !== 'numbers') return { low, high, bins: new Uint32Array(count), all: new Uint32Array(count), none: 0 }
  const { codes, all } = binned(column, ends, count)
  const found = tally(codes, counted(passed, name), count)
  return { low, high, bins: found.subarray(0, count), all, none: found[count]! }
}

/** What each filter alone holds back, most first: which to relax where nothing passes. */
export function holdsBack(passed: Passed): { name: string; rows: number }[] {
  const alone = new Uint32Array(256)
  for (let row = 0; row < passed.fails.length; row++) if (passed.fails[row] === 1) alone[passed.missed[row]!]!++
  return [...passed.filters.map((name, at) => ({ name, rows: alone[at]! })), { name: '', rows: alone[255]! }].filter((one) => one.rows).sort((a, b) => b.rows - a.rows)
}

/** Fields of the server's `where` that stand for a sheet's column; what only the sheet knows has none. */
const SERVED = /^(label|source|format|width|height|brightness|contrast|blur|size_bytes|name|metadata\..+)$/

/** The filters in the server's `where` language, or null where it cannot say them. */
export function whereOf(sheet: Sheet, filters: Filters): Record<string, unknown> | null {
  const parts: Record<string, unknown>[] = []
  for (const [name, wanted] of Object.entries(filters)) {
    if (!SERVED.test(name)) return null
    const field = name.replace(/^metadata\./, '')
    if (isRange(wanted)) {
      parts.push({ [field]: { '>=': wanted[0], '<=': wanted[1] } })
      continue
    }
    const values = wanted as readonly string[]
    // A metadata text may stand for true, 3 or {...}: only JSON's own texts come back as they were.
    if (sheet.columns.get(name)?.kind !== 'texts') return null
    const given = values.filter((one) => one !== '').flatMap((one) => (name.startsWith('metadata.') && isJson(one) ? [one, JSON.parse(one) as unknown] : [one]))
    const options = [...(given.length ? [{ [field]: { in: given } }] : []), ...(values.includes('') ? [{ [field]: { exists: false } }] : [])]
    parts.push(options.length > 1 ? { or: options } : options[0]!)
  }
  return parts.length > 1 ? { and: parts } : (parts[0] ?? {})
}

const isJson = (text: string): boolean => /^(true|false)$/.test(text)
