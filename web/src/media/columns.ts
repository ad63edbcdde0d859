import { tableFromIPC, type Column as ArrowColumn } from '@uwdata/flechette'

/** A column of few different values: `codes` point into `values`; -1 stands for none. */
export type Texts = { kind: 'texts'; codes: Int32Array; values: readonly string[] }
/** A column of numbers; NaN stands for none. */
export type Numbers = { kind: 'numbers'; values: Float32Array | Float64Array }
/** A column of mostly different texts, read only where it is looked at. */
export type Plain = { kind: 'plain'; at: (row: number) => string }
export type Column = Texts | Numbers | Plain

/** All that is known of the samples of a view's ground set, by row. It is built once and never changed. */
export type Sheet = {
  readonly size: number
  /** How many samples the ground set has. */
  readonly total: number
  /** False where only the newest samples are here yet, with what their tiles need. */
  readonly whole: boolean
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

type Arrow = ArrowColumn<unknown>
/** Arrow's numbers for the kinds of types (Schema.fbs). */
const [INTEGER, FLOAT, DICTIONARY] = [2, 3, -1]

type Told = { total?: number; pointer?: string; version?: string; facets?: string[]; numbers?: string[] }

/** Columns of some samples as they came; `told` names the state of the samples that they are of. */
export type Part = { readonly told: Told; readonly size: number; readonly ids: readonly string[]; readonly names: readonly string[]; readonly colours: Int32Array; readonly columns: ReadonlyMap<string, Column>; readonly row: Sheet['row'] }

/** Columns that have a place of their own and are no facets. */
const APART = new Set(['id', 'name', 'colour'])

/** What an Arrow IPC stream of GET /samples/columns holds. */
export function readPart(bytes: ArrayBuffer): Part {
  const table = tableFromIPC(new Uint8Array(bytes))
  const told = JSON.parse(table.schema.metadata?.get('sightloop') ?? '{}') as Told
  const size = table.numRows
  const columns = new Map<string, Column>()
  for (const { name } of table.schema.fields) {
    if (APART.has(name)) continue
    const column = table.getChild(name) as Arrow
    const { typeId } = column.type
    if (typeId === DICTIONARY) columns.set(name, texts(column, size))
    else if (typeId === INTEGER || typeId === FLOAT) columns.set(name, numbers(column, size))
    else columns.set(name, { kind: 'plain', at: (row) => String(column.at(row) ?? '') })
  }
  const ids = strings(table.getChild('id') as Arrow | undefined, size)
  const named = table.getChild('name') as Arrow | undefined
  return { told, size, ids, names: named ? strings(named, size) : ids, colours: colours(table.getChild('colour') as Arrow | undefined, size), columns, row: indexOf(ids) }
}

/** Whether both parts are of the same samples in the same order. */
export const sameRows = (a: Part, b: Part): boolean => a.size === b.size && a.told.pointer === b.told.pointer && a.told.version === b.told.version

/** The sheet of what the samples are and what is said of them; of the newest samples alone where only they are here.
 * All sheets of one content share ids, names and index. */
export function joined(content: Part, said?: Part): Sheet {
  const columns = new Map([...content.columns, ...(said?.columns ?? [])])
  const named = (kind: 'facets' | 'numbers') => [...(content.told[kind] ?? []), ...(said?.told[kind] ?? [])]
  return {
    size: content.size,
    total: content.told.total ?? content.size,
    whole: said !== undefined,
    ids: content.ids,
    names: content.names,
    colours: content.colours,
    row: content.row,
    columns,
    pointer: content.told.pointer ?? '',
    facets: named('facets').filter((name) => columns.get(name)?.kind === 'texts'),
    numbers: named('numbers').filter((name) => columns.get(name)?.kind === 'numbers'),
  }
}

/** A sheet from its parts. */
export const sheetOf = (parts: Omit<Sheet, 'size' | 'total' | 'whole' | 'row'>): Sheet => ({ ...parts, size: parts.ids.length, total: parts.ids.length, whole: true, row: indexOf(parts.ids) })

/** Finds rows by id; the index is built when first asked. */
function indexOf(ids: readonly string[]): Sheet['row'] {
  let index: Map<string, number> | null = null
  return (id) => (index ??= new Map(ids.map((one, row) => [one, row]))).get(id) ?? -1
}

/** A column's value at a row as text, '' for none. */
export function textAt(sheet: Sheet, name: string, row: number): string {
  const column = sheet.columns.get(name)
  if (!column) return ''
  if (column.kind === 'texts') return column.values[column.codes[row]!] ?? ''
  if (column.kind === 'plain') return column.at(row)
  const value = column.values[row]!
  return Number.isNaN(value) ? '' : String(+value.toPrecision(4))
}

/** A column's number at a row, NaN for none. */
export function numberAt(sheet: Sheet, name: string, row: number): number {
  const column = sheet.columns.get(name)
  return column?.kind === 'numbers' ? column.values[row]! : NaN
}

/** Calls back for each null of a batch; one without any carries no validity bits to look at. */
function nulls(batch: Arrow['data'][number], each: (at: number) => void): void {
  if (batch.nullCount === 0) return
  const { validity, length } = batch
  for (let at = 0; at < length; at++) if (!((validity[at >> 3]! >> (at & 7)) & 1)) each(at)
}

/** All texts of a column; where its bytes are plain ASCII they are decoded in one go and cut by their offsets. */
function strings(column: Arrow | undefined, size: number): string[] {
  const found = new Array<string>(size).fill('')
  let start = 0
  for (const batch of column?.data ?? []) {
    const { offsets, length } = batch
    const bytes = batch.values as Uint8Array
    const end = Number(offsets[length] ?? 0)
    const whole = new TextDecoder().decode(bytes.subarray(0, end))
    if (whole.length === end) for (let at = 0; at < length; at++) found[start + at] = whole.slice(Number(offsets[at]), Number(offsets[at + 1]))
    else for (let at = 0; at < length; at++) found[start + at] = String(batch.at(at) ?? '')
    nulls(batch, (at) => (found[start + at] = ''))
    start += length
  }
  return found
}

function numbers(column: Arrow, size: number): Numbers {
  const wide = 'precision' in column.type && column.type.precision === 2
  const values = wide ? new Float64Array(size) : new Float32Array(size)
  let start = 0
  for (const batch of column.data) {
    values.set(batch.values.subarray(0, batch.length) as Float32Array, start)
    nulls(batch, (at) => (values[start + at] = NaN))
    start += batch.length
  }
  return { kind: 'numbers', values }
}

function texts(column: Arrow, size: number): Texts {
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
  let start = 0
  for (const batch of column.data) {
    const { cache } = batch as unknown as { cache: ArrayLike<unknown> }
    // A dictionary's own codes are looked up once each, not once a row.
    const own = Int32Array.from({ length: cache.length }, (_, key) => code(cache[key]))
    const keys = batch.values
    for (let at = 0; at < batch.length; at++) codes[start + at] = own[Number(keys[at])] ?? -1
    nulls(batch, (at) => (codes[start + at] = -1))
    start += batch.length
  }
  return { kind: 'texts', codes, values }
}

function colours(column: Arrow | undefined, size: number): Int32Array {
  const found = new Int32Array(size).fill(-1)
  let start = 0
  for (const batch of column?.data ?? []) {
    found.set(batch.values.subarray(0, batch.length) as Int32Array, start)
    nulls(batch, (at) => (found[start + at] = -1))
    start += batch.length
  }
  return found
}
