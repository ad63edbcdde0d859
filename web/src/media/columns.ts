import { tableFromIPC, type Column as ArrowColumn } from '@uwdata/flechette'

/** A column of few different values: `codes` point into `values`; -1 stands for none. */
export type Texts = { kind: 'texts'; codes: Int32Array; values: readonly string[] }
/** A column of numbers; NaN stands for none. */
export type Numbers = { kind: 'numbers'; values: Float32Array | Float64Array }
export type Column = Texts | Numbers

/** All that is known of the samples of a view's ground set, by row. It is built once and never changed. */
export type Sheet = {
  readonly size: number
  readonly ids: readonly string[]
  readonly names: readonly string[]
  /** Mean colours, 0xRRGGBB; -1 where unknown. */
  readonly colours: Int32Array
  readonly columns: ReadonlyMap<string, Column>
  readonly facets: readonly string[]
  readonly numbers: readonly string[]
  readonly pointer: string
  /** The row of a sample, or -1. */
  readonly row: (id: string) => number
}

type Told = { pointer?: string; facets?: string[]; numbers?: string[] }

/** Columns that have a place of their own and are no facets. */
const APART = new Set(['id', 'name', 'colour'])

/** The sheet that an Arrow IPC stream of GET /samples/columns holds. */
export function readSheet(bytes: ArrayBuffer): Sheet {
  const table = tableFromIPC(new Uint8Array(bytes))
  const told = JSON.parse(table.schema.metadata?.get('sightloop') ?? '{}') as Told
  const size = table.numRows
  const columns = new Map<string, Column>()
  for (const { name, type } of table.schema.fields) {
    if (APART.has(name)) continue
    const column = table.getChild(name) as ArrowColumn<unknown>
    columns.set(name, 'dictionary' in type || !isNumber(column) ? texts(column, size) : numbers(column, size))
  }
  const ids = strings(table.getChild('id') as ArrowColumn<unknown> | undefined, size)
  const named = table.getChild('name') as ArrowColumn<unknown> | undefined
  return sheetOf({
    ids,
    names: named ? strings(named, size) : ids,
    colours: colours(table.getChild('colour') as ArrowColumn<unknown> | undefined, size),
    columns,
    pointer: told.pointer ?? '',
    facets: (told.facets ?? []).filter((name) => columns.get(name)?.kind === 'texts'),
    numbers: (told.numbers ?? []).filter((name) => columns.get(name)?.kind === 'numbers'),
  })
}

/** A sheet from its parts; the index by id is built when first asked. */
export function sheetOf(parts: Omit<Sheet, 'size' | 'row'>): Sheet {
  let index: Map<string, number> | null = null
  return {
    ...parts,
    size: parts.ids.length,
    row: (id) => (index ??= new Map(parts.ids.map((one, row) => [one, row]))).get(id) ?? -1,
  }
}

/** A column's value at a row as text, '' for none. */
export function textAt(sheet: Sheet, name: string, row: number): string {
  const column = sheet.columns.get(name)
  if (!column) return ''
  if (column.kind === 'texts') return column.values[column.codes[row]!] ?? ''
  const value = column.values[row]!
  return Number.isNaN(value) ? '' : String(+value.toPrecision(4))
}

/** A column's number at a row, NaN for none. */
export function numberAt(sheet: Sheet, name: string, row: number): number {
  const column = sheet.columns.get(name)
  return column?.kind === 'numbers' ? column.values[row]! : NaN
}

/** A batch without any null carries no validity bits to look at. */
const there = (batch: ArrowColumn<unknown>['data'][number], at: number): boolean => batch.nullCount === 0 || batch.isValid(at)

function isNumber(column: ArrowColumn<unknown>): boolean {
  for (const batch of column.data) for (let at = 0; at < batch.length; at++) if (there(batch, at)) return typeof batch.value(at) !== 'string'
  return column.type.typeId === 2 || column.type.typeId === 3
}

function strings(column: ArrowColumn<unknown> | undefined, size: number): string[] {
  if (!column) return new Array<string>(size).fill('')
  const found = Array.from(column.toArray() as ArrayLike<unknown>)
  return found.map((one) => (one == null ? '' : String(one)))
}

function numbers(column: ArrowColumn<unknown>, size: number): Numbers {
  const wide = column.type.typeId === 3 && 'precision' in column.type && column.type.precision === 2
  const values = wide ? new Float64Array(size) : new Float32Array(size)
  let row = 0
  for (const batch of column.data) for (let at = 0; at < batch.length; at++) values[row++] = there(batch, at) ? Number(batch.value(at)) : NaN
  return { kind: 'numbers', values }
}

function texts(column: ArrowColumn<unknown>, size: number): Texts {
  const codes = new Int32Array(size)
  const known = new Map<string, number>()
  const values: string[] = []
  const code = (value: unknown): number => {
    if (value == null || value === '') return -1
    const text = String(value)
    let found = known.get(text)
    if (found === undefined) {
      known.set(text, (found = values.length))
      values.push(text)
    }
    return found
  }
  let row = 0
  for (const batch of column.data) {
    const keyed = 'key' in batch && 'cache' in batch ? (batch as unknown as { key(at: number): number; cache: ArrayLike<unknown> }) : null
    // A dictionary's own codes are looked up once each, not once a row.
    const own = keyed ? Int32Array.from({ length: keyed.cache.length }, (_, key) => code(keyed.cache[key])) : null
    for (let at = 0; at < batch.length; at++) codes[row++] = !there(batch, at) ? -1 : own ? own[keyed!.key(at)]! : code(batch.value(at))
  }
  return { kind: 'texts', codes, values }
}

function colours(column: ArrowColumn<unknown> | undefined, size: number): Int32Array {
  const found = new Int32Array(size).fill(-1)
  if (!column) return found
  let row = 0
  for (const batch of column.data) for (let at = 0; at < batch.length; at++, row++) if (there(batch, at)) found[row] = Number(batch.value(at))
  return found
}
