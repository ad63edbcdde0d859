/** Where the eye is: it looks at `target` from `distance` metres, turned by `yaw` about the vertical and raised by `pitch`, radians. */
export type Orbit = { target: readonly [number, number, number]; distance: number; yaw: number; pitch: number }

const HIGHEST = Math.PI / 2 - 0.01
const FIELD_OF_VIEW = Math.PI / 4

/** The whole cloud from the south, a third of the way up. */
export function framed(low: readonly number[], high: readonly number[]): Orbit {
  const target = [0, 1, 2].map((axis) => (low[axis]! + high[axis]!) / 2) as unknown as Orbit['target']
  const radius = Math.hypot(...[0, 1, 2].map((axis) => high[axis]! - low[axis]!)) / 2
  return { target, distance: Math.max(radius, 0.1) / Math.sin(FIELD_OF_VIEW / 2), yaw: -Math.PI / 2, pitch: Math.PI / 6 }
}

/** Turned by so many radians; never over the top. */
export const turned = (orbit: Orbit, yaw: number, pitch: number): Orbit => ({ ...orbit, yaw: orbit.yaw + yaw, pitch: Math.min(HIGHEST, Math.max(-HIGHEST, orbit.pitch + pitch)) })

/** Nearer or farther. */
export const nearer = (orbit: Orbit, factor: number): Orbit => ({ ...orbit, distance: Math.min(1e5, Math.max(0.05, orbit.distance / factor)) })

/** The target moved by so many shares of the view's height, to the right and up as one sees it. */
export function moved(orbit: Orbit, right: number, up: number): Orbit {
  const span = 2 * orbit.distance * Math.tan(FIELD_OF_VIEW / 2)
  const { across, above } = axes(orbit)
  return { ...orbit, target: orbit.target.map((at, axis) => at + span * (right * across[axis]! + up * above[axis]!)) as unknown as Orbit['target'] }
}

/** Points to clip space, column by column, for WebGL; z is up. */
export function matrix(orbit: Orbit, aspect: number): Float32Array {
  const { across, above, back } = axes(orbit)
  const eye = orbit.target.map((at, axis) => at + orbit.distance * back[axis]!)
  const near = orbit.distance / 1000
  const far = orbit.distance * 1000
  const tall = 1 / Math.tan(FIELD_OF_VIEW / 2)
  const rows = [across.map((one) => (one * tall) / aspect), above.map((one) => one * tall), back.map((one) => (one * (far + near)) / (near - far)), back.map((one) => -one)]
  const shift = rows.map((row) => -dot(row, eye))
  shift[2]! += (2 * far * near) / (near - far)
  return new Float32Array([0, 1, 2].flatMap((axis) => rows.map((row) => row[axis]!)).concat(shift))
}

function axes({ yaw, pitch }: Orbit) {
  const back = [Math.cos(pitch) * Math.cos(yaw), Math.cos(pitch) * Math.sin(yaw), Math.sin(pitch)]
  const across = [-Math.sin(yaw), Math.cos(yaw), 0]
  return { back, across, above: cross(back, across) }
}

const dot = (a: readonly number[], b: readonly number[]): number => a[0]! * b[0]! + a[1]! * b[1]! + a[2]! * b[2]!
const cross = (a: readonly number[], b: readonly number[]): number[] => [a[1]! * b[2]! - a[2]! * b[1]!, a[2]! * b[0]! - a[0]! * b[2]!, a[0]! * b[1]! - a[1]! * b[0]!]
