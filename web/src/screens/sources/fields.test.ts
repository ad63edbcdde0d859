import { expect, test } from 'vitest'
import { rangeOf, typesOf } from './fields'

test('a range is told once where it has no width', () => {
  expect(rangeOf({ low: 640, high: 640, top: {} })).toBe('640')
  expect(rangeOf({ low: 0.123456, high: 2, top: {} })).toBe('0.1235 to 2')
})

test('the most frequent values come first, and that there are more is said', () => {
  expect(rangeOf({ top: { poly: 2, mono: 5 }, lost: 0 })).toBe('mono (5), poly (2)')
  expect(rangeOf({ top: { a: 1 }, lost: 3 })).toBe('a (1), ...')
  expect(rangeOf({ top: {} })).toBe('each its own')
})

test('types are told by how often they came', () => {
  expect(typesOf({ types: { number: 1, text: 9 } })).toBe('text, number')
})
