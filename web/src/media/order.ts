import type { Sheet } from './columns'
import type { Passed } from './filters'

/** How a view is sorted; `similar` needs a sample or an image to be like. */
export const SORTS = [
  { value: 'newest', label: 'Newest' },
  { value: 'uncertain', label: 'Least certain' },
  { value: 'dark', label: 'Darkest' },
  { value: 'bright', label: 'Brightest' },
  { value: 'blurred', label: 'Most blurred' },
  { value: 'sharp', label: 'Sharpest' },
  { value: 'name', label: 'Name' },
] as const
export type Sort = (typeof SORTS)[number]['value']

const BY: Partial<Record<Sort, [string, 1 | -1]>> = { uncertain: ['score', 1], dark: ['brightness', 1], bright: ['brightness', -1], blurred: ['blur', 1], sharp: ['blur', -1] }
const held = new WeakMap<Sheet, Map<Sort, Uint32Array>>()

/** All rows in order; computed once for a sheet and a sort. Rows without a value come last. */
export function ordered(sheet: Sheet, sort: Sort): Uint32Array {
  let orders = held.get(sheet)
  if (!orders) held.set(sheet, (orders = new Map()))
  const kept = orders.get(sort)
  if (kept) return kept
  const keys = keysOf(sheet, sort)
  const rows = Uint32Array.from({ length: sheet.size }, (_, row) => row)
  rows.sort((a, b) => keys[a]! - keys[b]! || a - b)
  orders.set(sort, rows)
  return rows
}

/** One number a row, ascending in the order that is asked for. */
function keysOf(sheet: Sheet, sort: Sort): Float64Array {
  const keys = new Float64Array(sheet.size)
  const by = BY[sort]
  if (by) {
    const column = sheet.columns.get(by[0])
    for (let row = 0; row < sheet.size; row++) {
      const value = column?.kind === 'numbers' ? column.values[row]! * by[1] : NaN
      keys[row] = Number.isNaN(value) ? Number.MAX_VALUE : value
    }
    return keys
  }
  if (sort === 'newest') {
    const column = sheet.columns.get('ingested_at')
    if (column?.kind !== 'texts') return keys
    const ranks = ranksOf(column.values)
    for (let row = 0; row < sheet.size; row++) keys[row] = column.codes[row]! < 0 ? Number.MAX_VALUE : -ranks[column.codes[row]!]!
    return keys
  }
  return Float64Array.from(ranksOf(sheet.names))
}

/** Where each text stands among all in plain order. */
function ranksOf(texts: readonly string[]): Uint32Array {
  const order = texts.map((_, at) => at).sort((a, b) => (texts[a]! < texts[b]! ? -1 : texts[a]! > texts[b]! ? 1 : 0))
  const ranks = new Uint32Array(texts.length)
  order.forEach((at, rank) => (ranks[at] = rank))
  return ranks
}

/** The rows that pass, in order. */
export function passing(order: Uint32Array, passed: Passed): Uint32Array {
  const found = new Uint32Array(order.length)
  let count = 0
  for (const row of order) if (passed.fails[row] === 0) found[count++] = row
  return found.subarray(0, count)
}
