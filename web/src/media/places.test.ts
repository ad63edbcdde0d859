import { expect, test } from 'vitest'
import { clusters, inside, nearest, squared } from './places'
import { fitted, onCanvas, onMap, zoomed } from './points'

test('a lasso holds what is inside and nothing else, also where it is bent inward', () => {
  const places = Float32Array.from([0.5, 0.5, 1.5, 1.5, 1.5, 0.25, -1, 0])
  const bent = [0, 0, 2, 0, 2, 2, 1, 0.5, 0, 2]
  expect([...inside(places, bent)]).toEqual([0, 2])
  expect([...inside(places, [0, 0, 2, 0, 2, 2, 0, 2])]).toEqual([0, 1, 2])
})

test('a line of two corners holds nothing', () => expect(inside(Float32Array.from([0, 0]), [0, 0, 1, 1]).length).toBe(0))

test('places are fitted into the square with their shape kept', () => {
  const places = squared([0, 10], [5, 5])
  expect([...places]).toEqual([-1, 0, 1, 0])
})

test('no places make no map and no group', () => {
  expect(squared([], []).length).toBe(0)
  expect(clusters(new Float32Array(0), 5).of.length).toBe(0)
})

test('two heaps are two groups, the same each time', () => {
  const places = Float32Array.from({ length: 80 }, (_, at) => (at < 40 ? -0.8 : 0.8) + 0.01 * (at % 7))
  const found = clusters(places, 2)
  expect([...found.sizes]).toEqual([20, 20])
  expect(clusters(places, 2)).toEqual(found)
})

test('the nearest place counts only within reach and where it is allowed', () => {
  const places = Float32Array.from([0, 0, 0.1, 0])
  expect(nearest(places, 0.08, 0, 0.5, () => true)).toBe(1)
  expect(nearest(places, 0.08, 0, 0.5, (one) => one === 0)).toBe(0)
  expect(nearest(places, 3, 3, 0.5, () => true)).toBe(-1)
})

test('what is under the pointer stays under it while one zooms', () => {
  const camera = fitted(800, 600)
  const [x, y] = onMap(camera, 800, 600, 200, 100)
  const closer = zoomed(camera, 800, 600, 200, 100, 3)
  const [px, py] = onCanvas(closer, 800, 600, x, y)
  expect(px).toBeCloseTo(200, 3)
  expect(py).toBeCloseTo(100, 3)
})
