import { expect, test } from 'vitest'
import { readFilters, writeFilters, type Filters } from './links'

test('a link says its filters in words', () => {
  expect(writeFilters({ label: ['ok', 'defect'], brightness: [0.1, 0.4] })).toBe('label:ok,defect;brightness:0.1..0.4')
})

test('what a link says is what was chosen, whatever signs its values have', () => {
  const odd: Filters = { 'metadata.a:b;c': ['x,y', '50%', '', 'é "q" {', '1..2', '%2C'], blur: [-1e-7, 2.5e9], label: [''] }
  expect(readFilters(writeFilters(odd))).toEqual(odd)
})

test('links from before still open', () => {
  expect(readFilters('{"label":["ok"],"blur":[0,10],"split":null}')).toEqual({ label: ['ok'], blur: [0, 10], split: [''] })
})

test('what cannot be read is left out', () => {
  expect(readFilters('{"label": {"x": 1}')).toEqual({})
  expect(readFilters('nonsense;:x;label:ok')).toEqual({ label: ['ok'] })
})
