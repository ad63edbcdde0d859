import { expect, test } from 'vitest'
import { apart, curvesOf, duration_s, flat, metricsOf, sideBySide } from './rows'

test('nested parameters become one row each', () => {
  expect([...flat({ recipe: { head: { C: 0.1 }, seed: 0 }, model: 'cells' })]).toEqual([['recipe.head.C', '0.1'], ['recipe.seed', '0'], ['model', 'cells']])
})

test('a long list is told by its length', () => expect(flat({ samples: Array(620).fill('x') }).get('samples')).toBe('620 items'))

test('a parameter that only one run has differs', () => {
  expect(sideBySide([{ seed: 0 }, { seed: 0, note: 'x' }])).toEqual([
    { name: 'note', values: [null, 'x'], differs: true },
    { name: 'seed', values: ['0', '0'], differs: false },
  ])
})

test('a metric carries the limits that stand beside it', () => {
  expect(metricsOf({ accuracy: 0.87, accuracy_ci: [0.84, 0.9], ece: 0.05, recall: { ok: 0.9 }, confusion: [[1]], slices: {} })).toEqual([
    { name: 'accuracy', value: 0.87, lower: 0.84, upper: 0.9 },
    { name: 'ece', value: 0.05 },
    { name: 'recall.ok', value: 0.9 },
  ])
})

test('two metrics are apart only where their intervals do not touch', () => {
  const a = { name: 'accuracy', value: 0.5, lower: 0.4, upper: 0.6 }
  expect(apart([a, { ...a, lower: 0.61, upper: 0.7 }])).toBe(true)
  expect(apart([a, { ...a, lower: 0.59, upper: 0.7 }])).toBe(false)
  expect(apart([a, undefined])).toBe(false)
})

test('a run that goes on takes until now', () => {
  expect(duration_s({ started_at: '2026-11-22T12:00:00Z', ended_at: null }, Date.parse('2026-11-22T12:00:05Z'))).toBe(5)
})

test('curves are lists of numbers only', () => expect(curvesOf({ curves: { loss: [1, 0.5], notes: ['a', 'b'], one: [1] } })).toEqual([{ name: 'loss', values: [1, 0.5] }]))
