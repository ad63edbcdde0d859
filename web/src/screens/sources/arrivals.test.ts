import { expect, test } from 'vitest'
import { sheetOf } from '@/media/columns'
import { arrivals } from './arrivals'

test('each source tells how many came, when last, and how many within a day of that', () => {
  const sheet = sheetOf({
    ids: ['a', 'b', 'c', 'd'], names: ['a', 'b', 'c', 'd'], colours: new Int32Array(4), facets: [], numbers: [], pointer: '',
    columns: new Map([
      ['source', { kind: 'texts' as const, codes: Int32Array.from([0, 0, 0, 1]), values: ['line-1', 'upload'] }],
      ['ingested_at', { kind: 'texts' as const, codes: Int32Array.from([0, 1, 1, 0]), values: ['2026-01-01T00:00:00Z', '2026-01-05T00:00:00Z'] }],
    ]),
  })
  const { rows } = arrivals(sheet, 4)
  expect(rows.map((one) => [one.source, one.samples, one.last, one.lastDay])).toEqual([
    ['line-1', 3, '2026-01-05T00:00:00Z', 2],
    ['upload', 1, '2026-01-01T00:00:00Z', 1],
  ])
  expect([...rows[0]!.bins]).toEqual([1, 0, 0, 2])
})
