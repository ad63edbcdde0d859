import { expect, test } from 'vitest'
import { averagePrecision, byClass, calibration, confusion, histogram, prCurve, thinned, wilson } from './statistics'

test('the interval of 8 in 10 is the one Wilson gives', () => {
  const [lower, upper] = wilson(8, 10)
  expect(lower).toBeCloseTo(0.4902, 4)
  expect(upper).toBeCloseTo(0.9433, 4)
})

test('an interval of nothing says nothing', () => expect(wilson(0, 0)).toEqual([0, 1]))

test('a ranking without a fault has average precision 1', () => {
  expect(averagePrecision(prCurve([0.9, 0.8, 0.2, 0.1], [true, true, false, false]))).toBe(1)
})

test('the curve holds precision and recall of each threshold', () => {
  const points = prCurve([0.9, 0.6, 0.6, 0.1], [true, false, true, true])
  expect(points.map((one) => [one.threshold, one.hits, one.named])).toEqual([[0.9, 1, 1], [0.6, 2, 3], [0.1, 3, 4]])
  expect(points.at(-1)!.recall).toBe(1)
})

test('a thinned curve keeps both of its ends', () => {
  const points = prCurve(Array.from({ length: 500 }, (_, at) => at / 500), Array.from({ length: 500 }, (_, at) => at % 3 === 0))
  const few = thinned(points, 20)
  expect(few).toHaveLength(20)
  expect([few[0], few.at(-1)]).toEqual([points[0], points.at(-1)])
})

test('confidence 1 falls into the last bin of the calibration', () => {
  const bins = calibration([1, 0.95, 0.05], [true, false, false])
  expect(bins.map((bin) => [bin.from, bin.n, bin.right])).toEqual([[0, 1, 0], [0.9, 2, 0.5]])
})

test('a histogram counts both ends of its range', () => expect(histogram([0, 0.5, 1, 2, NaN], 2, 0, 1)).toEqual([1, 2]))

test('rows of the confusion matrix are true classes, columns predicted ones', () => {
  expect(confusion(['ok', 'bad'], ['ok', 'ok', 'bad'], ['ok', 'bad', 'bad'])).toEqual([[1, 1], [0, 1]])
  expect(confusion(['ok', 'bad'], ['ok', 'ok', 'bad'], ['ok', 'bad', 'bad'], [1])).toEqual([[0, 1], [0, 0]])
})

test('precision of a class that was never named is not a number that can be shown', () => {
  const [ok, bad] = byClass(['ok', 'bad'], [[3, 0], [1, 0]])
  expect(ok!.recall).toBe(1)
  expect(ok!.precision).toBe(0.75)
  expect(bad!.precision).toBeNull()
  expect(bad!.recall).toBe(0)
})
