import { expect, test } from 'vitest'
import { decodeRuns, readRuns, writeRuns } from './rle'

test('run lengths come back from their text, long and short ones, falling and rising', () => {
  const runs = [0, 1, 40_000, 3, 3, 8_294_400, 1, 31, 32, 33, 1023, 1024]
  expect(readRuns(writeRuns(runs))).toEqual(runs)
})

test('the text is the one that other tools write', () => {
  // A block of 3 x 3 in 5 rows x 7 columns, from row 1 and column 2 on.
  expect(writeRuns([11, 3, 2, 3, 2, 3, 11])).toBe(';320009')
})

test('a mask knows its bounds and what is inside', () => {
  const runs = decodeRuns({ size: [5, 7], counts: ';320009' })
  expect(runs.bounds).toEqual({ x: 2, y: 1, width: 3, height: 3 })
  expect([runs.has(2, 1), runs.has(4, 3), runs.has(1, 1), runs.has(2, 0), runs.has(5, 3), runs.has(-1, 2)]).toEqual([true, true, false, false, false, false])
})

test('a run over the bottom of a column goes on at the top of the next', () => {
  const stretches: number[][] = []
  decodeRuns({ size: [4, 3], counts: writeRuns([2, 4, 6]) }).each((...one) => stretches.push(one))
  expect(stretches).toEqual([
    [0, 2, 4],
    [1, 0, 2],
  ])
})

test('an empty mask has no bounds', () => {
  expect(decodeRuns({ size: [4, 3], counts: writeRuns([12]) }).bounds).toBeNull()
})
