import { expect, test } from 'vitest'
import { rangeOf, shortNumber, tickTexts, yRange } from './clock'

const NOW = Date.parse('2026-11-22T12:00:00Z')

test('a preset in the address ends now', () => {
  expect(rangeOf('1h', undefined, NOW)).toEqual({ preset: '1h', from: '2026-11-22T11:00:00.000Z', to: '2026-11-22T12:00:00.000Z' })
})

test('two moments in the address are a range of one\'s own', () => {
  expect(rangeOf('2026-11-22T04:00:00Z', '2026-11-22T05:00:00Z', NOW)).toEqual({ preset: 'custom', from: '2026-11-22T04:00:00.000Z', to: '2026-11-22T05:00:00.000Z' })
})

test('an address that says something odd shows everything', () => {
  expect(rangeOf('yesterday', undefined, NOW)).toEqual({ preset: 'all' })
  expect(rangeOf(undefined, undefined, NOW)).toEqual({ preset: 'all' })
})

test('the day stands under the first tick only, while it stays the same', () => {
  const start = new Date(2026, 10, 22, 11, 0, 0).getTime() / 1000
  expect(tickTexts([start, start + 900], 3600)).toEqual(['11:00\n22 Nov', '11:15'])
})

test('seconds are shown where the span is short, and days where it is long', () => {
  const start = new Date(2026, 10, 22, 11, 0, 0).getTime() / 1000
  expect(tickTexts([start], 120)[0]).toBe('11:00:00\n22 Nov')
  expect(tickTexts([start], 7 * 86_400)[0]).toBe('22 Nov')
})

test('a threshold above all values is in sight', () => expect(yRange(0, 2, [5.3])[1]).toBeGreaterThan(5.3))

test('a fixed range stays as it is', () => expect(yRange(-4, 90, [100], [0, 1])).toEqual([0, 1]))

test('a flat line at zero has a range with height', () => expect(yRange(0, 0, [])[1]).toBeGreaterThan(0))

test('numbers carry the places that their size needs', () => {
  expect([1234.6, 41.23, 1.234, 0.01234, 0, null].map(shortNumber)).toEqual(['1,235', '41.2', '1.23', '0.012', '0', '–'])
})
