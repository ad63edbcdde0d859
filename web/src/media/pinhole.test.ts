import { expect, test } from 'vitest'
import { cornersOf, edgesOn, moved, movedBack, seenAt, type Sensor } from './pinhole'

const still = [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]
const plain: Sensor = { to_rig: still, fx: 100, fy: 200, cx: 50, cy: 60 }
/** Looks along the rig's x, as a camera on a car. */
const ahead: Sensor = { ...plain, to_rig: [[0, 0, 1, 0.27], [-1, 0, 0, 0], [0, -1, 0, -0.08], [0, 0, 0, 1]] }

test('the numbers are those of the server', () => {
  expect(seenAt(plain, [1, 0.5, 2])).toEqual([100, 110])
  const [x, y] = seenAt({ ...plain, fx: 1000, fy: 1000, cx: 0, cy: 0, distortion: [0.1, 0, 0, 0.01, 0] }, [1, 0, 2])!
  expect(x).toBeCloseTo(1000 * (0.5 * 1.025 + 0.0075))
  expect(y).toBeCloseTo(0)
})

test('what is behind the camera, or would fold back, is not seen', () => {
  expect(seenAt(plain, [0, 0, -1])).toBeNull()
  expect(seenAt({ ...plain, distortion: [-0.3, 0, 0, 0, 0] }, [1.06, 0, 1])).toBeNull()
  expect(seenAt({ ...plain, distortion: [-0.3, 0, 0, 0, 0] }, [1.05, 0, 1])).not.toBeNull()
})

test('the way back is the inverse', () => {
  const there = moved(ahead.to_rig, [1, 2, 3])
  movedBack(ahead.to_rig, there).forEach((one, axis) => expect(one).toBeCloseTo([1, 2, 3][axis]!))
})

test('a cuboid ahead is drawn whole, one behind not at all', () => {
  const car = { x: 12, y: 0, z: 0, length: 4, width: 2, height: 1.5, yaw: 0 }
  expect(cornersOf(car)[0]).toEqual([14, 1, -0.75])
  const lines = edgesOn(car, { to_rig: still }, ahead)
  expect(lines.length).toBe(14)
  // Its left side stands left of the middle of the image.
  expect(Math.min(...lines.flat().map(([x]) => x))).toBeLessThan(50)
  expect(edgesOn({ ...car, x: -12 }, { to_rig: still }, ahead)).toEqual([])
})
