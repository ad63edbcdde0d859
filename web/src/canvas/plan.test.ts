import { expect, test } from 'vitest'
import { inMetres, onPlan, planOf, solidOf, tallness, type Ground } from './plan'

const ground: Ground = { left: -10, top: 20, scale: 12, width: 480, height: 480, points: Float32Array.of(5, 5, -1, 0, 5.1, 5, 0, 0, 5, 5.1, 1, 0, 30, 5, 9, 0) }
const car = { x: 12.345678, y: -3.2, z: -0.9, length: 3.9, width: 1.6, height: 1.5, yaw: -0.370796 }

test('what was only looked at comes back as it was', () => expect(solidOf(planOf(car, ground), ground)).toEqual(car))

test('x goes right and y up, and a turn to the left turns left on the picture', () => {
  const seen = planOf({ ...car, x: -10, y: 20, yaw: Math.PI / 2 }, ground)
  expect([seen.cx, seen.cy, seen.angle_deg]).toEqual([0, 0, -90])
})

test('other objects and other pictures leave an object as it is', () => {
  const box = { geometry_type: 'box' as const, geometry: { x: 1, y: 2, width: 3, height: 4 } }
  expect(onPlan(box, ground)).toBe(box)
  expect(inMetres(box, ground)).toBe(box)
  const raw = { geometry_type: 'cuboid' as const, geometry: car as never }
  expect(onPlan(raw, undefined)).toBe(raw)
})

test('a footprint is as tall as the points in it', () => {
  const box = { ...planOf({ ...car, x: 5, y: 5, yaw: 0.4 }, ground) }
  expect(tallness(box, ground)).toEqual({ z: 0, tall: 2 })
  expect(tallness({ ...box, cx: 0 }, ground).tall).toBe(1.6)
})
