import { expect, test } from 'vitest'
import { cellOf, cellText, placesOf, type Chosen, type Results } from './selection'

const RESULTS: Results = {
  classes: ['ok', 'defect'],
  label: ['ok', 'ok', 'defect', 'defect'],
  predicted: ['ok', 'defect', 'defect', 'ok'],
  probabilities: [[0.9, 0.1], [0.4, 0.6], [0.2, 0.8], [0.95, 0.05]],
  samples: ['a', 'b', 'c', 'd'],
  slices: { line: ['1', '2', '2', '1'] },
}
const samples = (chosen: Chosen) => placesOf(RESULTS, chosen).map((at) => RESULTS.samples[at])

test('a cell is the samples of one true and one predicted class', () => expect(samples({ gt: 'ok', pred: 'defect' })).toEqual(['b']))
test('the most surely wrong stands first', () => expect(samples({})).toEqual(['d', 'b', 'c', 'a']))
test('a slice holds its own samples only', () => expect(samples({ slice: ['line', '2'] })).toEqual(['b', 'c']))
test('an unknown slice holds none', () => expect(samples({ slice: ['shift', 'night'] })).toEqual([]))
test('a threshold holds what got that score or more', () => expect(samples({ above: ['defect', 0.6] })).toEqual(['b', 'c']))
test('the last bin of confidence holds its upper end', () => expect(samples({ conf: [0.9, 1] })).toEqual(['d', 'a']))

test('an address says the same choice again, whatever a class is called', () => {
  const chosen: Chosen = { gt: 'a,b:c=d', pred: 'x%', slice: ['cell type', 'mono=1'], right: false, conf: [0.5, 0.6], above: ['a,b', 0.25] }
  expect(cellOf(cellText(chosen))).toEqual(chosen)
})

test('an odd address chooses everything instead of failing', () => expect(cellOf('%%%,conf:a-b')).toEqual({}))
test('no address chooses nothing', () => expect(cellOf(undefined)).toBeNull())
