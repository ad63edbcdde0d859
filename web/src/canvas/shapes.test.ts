import { expect, test } from 'vitest'
import { bounds, dragged, handles, hits, moved, overlap, withoutVertex, withVertex, type Shape } from './shapes'

const box: Shape = { geometry_type: 'box', geometry: { x: 10, y: 20, width: 30, height: 40 } }
const polygon: Shape = { geometry_type: 'polygon', geometry: { rings: [[[0, 0], [40, 0], [40, 40], [0, 40]], [[10, 10], [20, 10], [20, 20], [10, 20]]] } }
const turned: Shape = { geometry_type: 'rotated_box', geometry: { cx: 50, cy: 50, width: 20, height: 10, angle_deg: 90 } }

test('a corner dragged over its opposite turns the box inside out, never negative', () => {
  const corner = handles(box, 0).find((one) => one.part === 'corner' && one.at === 2)!
  expect(dragged(box, corner, 5, 5, 100, 100).geometry).toEqual({ x: 5, y: 5, width: 5, height: 15 })
})

test('each side of a box moves that side alone', () => {
  const side = (at: number) => handles(box, 0).find((one) => one.part === 'side' && one.at === at)!
  expect(dragged(box, side(0), 0, 25, 100, 100).geometry).toEqual({ x: 10, y: 25, width: 30, height: 35 })
  expect(dragged(box, side(1), 50, 0, 100, 100).geometry).toEqual({ x: 10, y: 20, width: 40, height: 40 })
  expect(dragged(box, side(2), 0, 70, 100, 100).geometry).toEqual({ x: 10, y: 20, width: 30, height: 50 })
  expect(dragged(box, side(3), 5, 0, 100, 100).geometry).toEqual({ x: 5, y: 20, width: 35, height: 40 })
})

test('a shape is moved as far as the image goes', () => {
  expect(moved(box, -50, 100, 100, 100).geometry).toEqual({ x: 0, y: 60, width: 30, height: 40 })
})

test('the bounds of a box turned by 90 degrees have its sides exchanged', () => {
  const { x, y, width, height } = bounds(turned)!
  expect([x, y, width, height].map((one) => Math.round(one))).toEqual([45, 40, 10, 20])
})

test('a hole is not part of a polygon', () => {
  expect([hits(polygon, 5, 5, 0), hits(polygon, 15, 15, 0)]).toEqual([true, false])
})

test('the turning handle gives the angle, clockwise from up', () => {
  const turn = handles(turned, 10).find((one) => one.part === 'turn')!
  expect(dragged(turned, turn, 90, 50, 100, 100).geometry).toMatchObject({ angle_deg: 90 })
  expect(dragged(turned, turn, 50, 10, 100, 100).geometry).toMatchObject({ angle_deg: 0 })
})

test('a rotated box keeps the opposite corner in place while one is dragged', () => {
  const before = handles(turned, 0)
  const after = handles(dragged(turned, before[0]!, 60, 30, 100, 100), 0)
  expect(after[2]!.x).toBeCloseTo(before[2]!.x)
  expect(after[2]!.y).toBeCloseTo(before[2]!.y)
})

test('a vertex goes in on the nearest edge, also the closing one', () => {
  const more = withVertex(polygon, 0, 25, 3)!
  expect(more.geometry_type === 'polygon' && more.geometry.rings[0]!.at(-1)).toEqual([0, 25])
  expect(withVertex(polygon, 30, 30, 3)).toBeNull()
})

test('a polygon keeps three vertices; a hole of three goes as a whole', () => {
  const triangle: Shape = { geometry_type: 'polygon', geometry: { rings: [[[0, 0], [9, 0], [9, 9]], [[4, 1], [5, 1], [5, 2]]] } }
  expect(withoutVertex(triangle, { x: 0, y: 0, part: 'vertex', at: 0, ring: 0 })).toBeNull()
  expect(withoutVertex(triangle, { x: 4, y: 1, part: 'vertex', at: 0, ring: 1 })!.geometry).toEqual({ rings: [[[0, 0], [9, 0], [9, 9]]] })
})

test('joints that are not labelled have no place', () => {
  expect(bounds({ geometry_type: 'keypoints', geometry: { points: [[5, 6, 2], [0, 0, 0], [9, 8, 1]] } })).toEqual({ x: 5, y: 6, width: 4, height: 2 })
})

test('overlap is intersection over union', () => {
  const half: Shape = { geometry_type: 'box', geometry: { x: 10, y: 20, width: 30, height: 20 } }
  expect(overlap(box, half)).toBeCloseTo(0.5)
})
