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
const held = new WeakMap<object, Map<string, Uint32Array>>()

/** All rows in order; computed once for a column and a direction. Rows without a value come last. */
export function ordered(sheet: Sheet, sort: Sort): Uint32Array {
  const [name, way] = BY[sort] ?? ['', 1]
  const source = sort === 'name' ? sheet.names : (sheet.columns.get(sort === 'newest' ? 'ingested_at' : name) ?? sheet.ids)
  let orders = held.get(source)
  if (!orders) held.set(source, (orders = new Map()))
  let found = orders.get(sort)
  if (!found) orders.set(sort, (found = sorted(keysOf(sheet, sort, name, way))))
  return found
}

/** One number a row, ascending in the order that is asked for; the largest for none. */
function keysOf(sheet: Sheet, sort: Sort, name: string, way: 1 | -1): Uint32Array {
  if (sort === 'name') return ranksOf(sheet.names)
  const keys = new Uint32Array(sheet.size)
  const column = sheet.columns.get(sort === 'newest' ? 'ingested_at' : name)
  if (column?.kind === 'texts') {
    const ranks = ranksOf(column.values)
    for (let row = 0; row < sheet.size; row++) keys[row] = column.codes[row]! < 0 ? NONE : column.values.length - ranks[column.codes[row]!]!
  } else if (column?.kind === 'numbers') {
    const bits = new Int32Array(1)
    const float = new Float32Array(bits.buffer)
    for (let row = 0; row < sheet.size; row++) {
      const value = column.values[row]! * way
      float[0] = value + 0
      // The bits of floats order like integers once those of negative ones are turned over.
      keys[row] = value !== value ? NONE : bits[0]! < 0 ? ~bits[0]! : bits[0]! | 0x80000000
    }
  }
  return keys
}
const NONE = 0xffffffff

/** The rows by their keys, equal ones as they stand: a radix sort of two passes, for a comparison a step is far slower. */
function sorted(keys: Uint32Array): Uint32Array {
  let from = Uint32Array.from({ length: keys.length }, (_, row) => row)
  let to = new Uint32Array(keys.length)
  for (const shift of [0, 16]) {
    const starts = new Uint32Array(65_537)
    for (let row = 0; row < keys.length; row++) starts[((keys[row]! >>> shift) & 0xffff) + 1]!++
    for (let at = 0; at < 65_536; at++) starts[at + 1]! += starts[at]!
    for (const row of from) to[starts[(keys[row]! >>> shift) & 0xffff]!++] = row
    ;[from, to] = [to, from]
  }
  return from
}

/** Where each text stands among all in plain order; equal ones stand together. */
function ranksOf(texts: readonly string[]): Uint32Array {
  // Sorting without a comparison of our own is several times faster.
  const ranks = new Map([...new Set(texts)].sort().map((text, rank) => [text, rank]))
  return Uint32Array.from(texts, (text) => ranks.get(text)!)
}

/** The rows that pass, in order. */
export function passing(order: Uint32Array, passed: Passed): Uint32Array {
  const found = new Uint32Array(order.length)
  const { fails } = passed
  let count = 0
  for (let at = 0; at < order.length; at++) if (fails[order[at]!] === 0) found[count++] = order[at]!
  return found.subarray(0, count)
}
