import type { Solid } from '@/canvas/plan'

/** Rows of a matrix that takes points of one frame into another. */
export type Matrix = readonly (readonly number[])[]
export type Sensor = { to_rig: Matrix; fx?: number; fy?: number; cx?: number; cy?: number; distortion?: readonly number[] }
export type Spot = readonly [number, number, number]

/** What lies nearer to the camera's plane, or behind it, has no place on its image, metres. */
const NEAREST = 0.05

/** The point in the frame that the matrix leads to. */
export const moved = (matrix: Matrix, [x, y, z]: Spot): Spot => [0, 1, 2].map((row) => matrix[row]![0]! * x + matrix[row]![1]! * y + matrix[row]![2]! * z + matrix[row]![3]!) as unknown as Spot

/** The point taken back by a matrix that turns and shifts. */
export const movedBack = (matrix: Matrix, point: Spot): Spot => {
  const shifted = [0, 1, 2].map((row) => point[row]! - matrix[row]![3]!)
  return [0, 1, 2].map((column) => matrix[0]![column]! * shifted[0]! + matrix[1]![column]! * shifted[1]! + matrix[2]![column]! * shifted[2]!) as unknown as Spot
}

/** Where the camera sees a point of its own frame, in pixels: as the server's vision/pinhole.py; null behind it. */
export function seenAt(camera: Sensor, [px, py, pz]: Spot): [number, number] | null {
  if (pz <= NEAREST || !camera.fx) return null
  const [k1 = 0, k2 = 0, p1 = 0, p2 = 0, k3 = 0] = camera.distortion ?? []
  const [x, y] = [px / pz, py / pz]
  const r2 = x * x + y * y
  if (1 + r2 * (3 * k1 + r2 * (5 * k2 + r2 * 7 * k3)) <= 0) return null
  const radial = 1 + r2 * (k1 + r2 * (k2 + r2 * k3))
  return [camera.fx * (x * radial + 2 * p1 * x * y + p2 * (r2 + 2 * x * x)) + camera.cx!, camera.fy! * (y * radial + p1 * (r2 + 2 * y * y) + 2 * p2 * x * y) + camera.cy!]
}

/** The corners of a cuboid: from its front left round to its front right, four below, four above. */
export function cornersOf(one: Solid): Spot[] {
  const [cos, sin] = [Math.cos(one.yaw), Math.sin(one.yaw)]
  const sides = [[1, 1], [-1, 1], [-1, -1], [1, -1]] as const
  return [-1, 1].flatMap((up) => sides.map(([a, b]): Spot => [one.x + (a * one.length * cos - b * one.width * sin) / 2, one.y + (a * one.length * sin + b * one.width * cos) / 2, one.z + (up * one.height) / 2]))
}

/** Pairs of corners between which edges run; the last ones cross the front. */
export const EDGES: readonly (readonly [number, number])[] = [[0, 1], [1, 2], [2, 3], [3, 0], [4, 5], [5, 6], [6, 7], [7, 4], [0, 4], [1, 5], [2, 6], [3, 7], [0, 7], [3, 4]]

const STEPS = 8

/** The edges of a cuboid as lines on an image; they bend where the lens does, and end where they leave what it sees. */
export function edgesOn(one: Solid, lidar: Sensor, camera: Sensor): [number, number][][] {
  const corners = cornersOf(one).map((corner) => movedBack(camera.to_rig, moved(lidar.to_rig, corner)))
  const lines: [number, number][][] = []
  for (const [from, to] of EDGES) {
    const line: [number, number][] = []
    for (let step = 0; step <= STEPS; step++) {
      const [a, b, part] = [corners[from]!, corners[to]!, step / STEPS]
      const seen = seenAt(camera, [0, 1, 2].map((axis) => a[axis]! + (b[axis]! - a[axis]!) * part) as unknown as Spot)
      if (seen) line.push(seen)
    }
    if (line.length > 1) lines.push(line)
  }
  return lines
}
