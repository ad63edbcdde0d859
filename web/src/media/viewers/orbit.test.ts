import { expect, test } from 'vitest'
import { framed, matrix, moved, nearer, turned } from './orbit'

const seen = (at: readonly number[], view: Float32Array) => {
  const clip = [0, 1, 2, 3].map((row) => view[row]! * at[0]! + view[4 + row]! * at[1]! + view[8 + row]! * at[2]! + view[12 + row]!)
  return clip.slice(0, 3).map((one) => one / clip[3]!)
}
const box = framed([0, 0, 0], [10, 4, 2])

test('the middle of the cloud is the middle of the view', () => {
  const [x, y] = seen([5, 2, 1], matrix(box, 1.5))
  expect(x).toBeCloseTo(0)
  expect(y).toBeCloseTo(0)
})

test('the whole cloud is in the view at first', () => {
  for (const x of [0, 10]) for (const y of [0, 4]) for (const z of [0, 2]) for (const side of seen([x, y, z], matrix(box, 1))) expect(Math.abs(side)).toBeLessThanOrEqual(1)
})

test('up is up, and east is to the right when one looks north', () => {
  const view = matrix(box, 1)
  expect(seen([5, 2, 2], view)[1]).toBeGreaterThan(0)
  expect(seen([9, 2, 1], view)[0]).toBeGreaterThan(0)
})

test('what is nearer to the eye has the smaller depth', () => {
  const view = matrix(box, 1)
  expect(seen([5, 0, 1], view)[2]!).toBeLessThan(seen([5, 4, 1], view)[2]!)
})

test('one cannot turn over the top', () => {
  expect(turned(box, 0, 100).pitch).toBeLessThan(Math.PI / 2)
})

test('nearer makes things larger', () => {
  const [wide] = seen([9, 2, 1], matrix(box, 1))
  const [wider] = seen([9, 2, 1], matrix(nearer(box, 2), 1))
  expect(wider!).toBeGreaterThan(wide! * 1.8)
})

test('the target moves as one sees it', () => {
  const { target } = moved(box, 0.5, 0)
  expect(target[0]).toBeGreaterThan(box.target[0])
  expect(target[1]).toBeCloseTo(box.target[1])
})
