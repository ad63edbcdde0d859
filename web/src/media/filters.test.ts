import { expect, test } from 'vitest'
import { sheetOf, type Sheet } from './columns'
import { apply, extent, facetCounts, histogram, holdsBack, maskOf, matching, toggled, whereOf } from './filters'
import { readFilters, writeFilters } from './links'
import { ordered, passing } from './order'

const codes = (values: string[], found: number[]) => ({ kind: 'texts' as const, codes: Int32Array.from(found), values })
const sheet: Sheet = sheetOf({
  ids: ['smp_a', 'smp_b', 'smp_c', 'smp_d'],
  names: ['a.png', 'b.png', 'c.png', 'd.png'],
  colours: new Int32Array(4),
  columns: new Map<string, Sheet['columns'] extends ReadonlyMap<string, infer C> ? C : never>([
    ['label', codes(['ok', 'defect'], [0, 1, 0, -1])],
    ['split', codes(['train', 'test'], [0, 0, 1, 1])],
    ['score', { kind: 'numbers', values: Float32Array.from([0.9, 0.2, NaN, 0.4]) }],
    ['ingested_at', codes(['2026-01-01', '2026-02-01'], [0, 1, 0, 1])],
  ]),
  facets: ['label', 'split'],
  numbers: ['score'],
  pointer: '',
})
const ids = (rows: Uint32Array) => [...rows].map((row) => sheet.ids[row])
const view = (filters: Parameters<typeof apply>[1]) => ids(passing(ordered(sheet, 'name'), apply(sheet, filters)))

test('values of one facet add up, filters of several narrow down', () => {
  expect(view({ label: ['ok', 'defect'] })).toEqual(['smp_a', 'smp_b', 'smp_c'])
  expect(view({ label: ['ok'], split: ['test'] })).toEqual(['smp_c'])
})

test('the empty value selects what has none', () => expect(view({ label: [''] })).toEqual(['smp_d']))

test('an unknown value selects nothing and breaks nothing', () => expect(view({ label: ['odd'] })).toEqual([]))

test('an unknown field selects nothing', () => expect(view({ nothing: ['x'] })).toEqual([]))

test('a range keeps its ends and leaves out what has no number', () => {
  expect(view({ score: [0.4 - 1e-6, 1] })).toEqual(['smp_a', 'smp_d'])
})

test('a facet counts under the other filters but not under its own', () => {
  const passed = apply(sheet, { label: ['ok'], split: ['train'] })
  expect([...facetCounts(sheet, passed, 'label')]).toEqual([1, 1, 0])
  expect([...facetCounts(sheet, passed, 'split')]).toEqual([1, 1, 0])
})

test('a histogram counts what passes within what is there', () => {
  const { bins, all, none } = histogram(sheet, apply(sheet, { split: ['train'] }), 'score', [0, 1], 2)
  expect([...bins]).toEqual([1, 1])
  expect([...all]).toEqual([2, 1])
  expect(none).toBe(0)
  expect(extent(sheet, 'score')[0]).toBeCloseTo(0.2)
})

test('search finds words in names, ids and values, all of them', () => {
  expect([...matching(sheet, 'defect')!]).toEqual([0, 1, 0, 0])
  expect([...matching(sheet, 'train .png')!]).toEqual([1, 1, 0, 0])
  expect([...matching(sheet, 'smp_d')!]).toEqual([0, 0, 0, 1])
  expect(matching(sheet, '  ')).toBeNull()
})

test('where nothing passes, the filters that alone hold rows back are named', () => {
  const passed = apply(sheet, { label: ['defect'], split: ['test'] }, [maskOf(sheet, ['smp_c'])])
  expect(holdsBack(passed)).toEqual([{ name: 'label', rows: 1 }])
})

test('rows without a value come last whatever the sort', () => {
  expect(ids(ordered(sheet, 'uncertain'))).toEqual(['smp_b', 'smp_d', 'smp_a', 'smp_c'])
  expect(ids(ordered(sheet, 'newest'))).toEqual(['smp_b', 'smp_d', 'smp_a', 'smp_c'])
})

test('numbers are sorted as numbers, whatever their sign, and equal ones stay by row', () => {
  const values = Float32Array.from([3, -1, NaN, 0, -20, -0, 3, 1e-3])
  const some = sheetOf({ ids: [...'abcdefgh'], names: [...'hgfedcba'], colours: new Int32Array(8), columns: new Map([['brightness', { kind: 'numbers' as const, values }]]), facets: [], numbers: [], pointer: '' })
  const order = (sort: Parameters<typeof ordered>[1]) => [...ordered(some, sort)].map((row) => some.ids[row]).join('')
  expect(order('dark')).toBe('ebdfhagc')
  expect(order('bright')).toBe('aghdfbec')
  expect(order('name')).toBe('hgfedcba')
})

test('filters go into a link and come back', () => {
  const filters = { label: ['ok', ''], score: [0.1, 0.4] as const }
  expect(readFilters(writeFilters(filters))).toEqual(filters)
  expect(writeFilters(toggled({ label: ['ok'] }, 'label', 'ok'))).toBeUndefined()
})

test('a link that says something odd still opens', () => {
  expect(readFilters('{"label": {"x": 1}')).toEqual({})
  expect(readFilters('{"label": "ok", "split": [{}]}')).toEqual({ label: ['ok'] })
})

test('filters that the server knows become its where, others do not', () => {
  expect(whereOf(sheet, { label: ['ok', ''] })).toEqual({ or: [{ label: { in: ['ok'] } }, { label: { exists: false } }] })
  expect(whereOf(sheet, { score: [0, 1] })).toBeNull()
})

test('100,000 rows are filtered and counted without a loop inside a loop', () => {
  const size = 100_000
  const large = sheetOf({
    ids: Array.from({ length: size }, (_, row) => `smp_${row}`), names: new Array<string>(size).fill('x'), colours: new Int32Array(size), facets: ['label'], numbers: ['score'], pointer: '',
    columns: new Map([['label', codes(['a', 'b'], Array.from({ length: size }, (_, row) => row % 2))], ['score', { kind: 'numbers' as const, values: Float32Array.from({ length: size }, (_, row) => row / size) }]] as [string, never][]),
  })
  const passed = apply(large, { label: ['a'], score: [0, 0.5] })
  expect(facetCounts(large, passed, 'label')[0]).toBe(25_001)
})
