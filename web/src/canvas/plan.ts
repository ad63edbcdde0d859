import type { Labelled } from './document'
import type { Shape } from './shapes'

/** A cuboid as it is stored: metres in the frame of its sweep, yaw counter-clockwise from x as seen from above. */
export type Solid = { x: number; y: number; z: number; length: number; width: number; height: number; yaw: number }
/** A cuboid on the picture of a sweep from above, in its pixels; z is its middle and tall its height, in metres. */
export type Planned = { cx: number; cy: number; width: number; height: number; angle_deg: number; z: number; tall: number }
/** A picture from above: where its top left corner lies, and how many pixels a metre has. x goes right, y up. */
export type Ground = { left: number; top: number; scale: number; width: number; height: number; points: Float32Array }

const round = (value: number): number => Math.round(value * 1e6) / 1e6

export const planOf = (one: Solid, ground: Ground): Planned => ({
  cx: (one.x - ground.left) * ground.scale,
  cy: (ground.top - one.y) * ground.scale,
  width: one.length * ground.scale,
  height: one.width * ground.scale,
  angle_deg: (-one.yaw * 180) / Math.PI,
  z: one.z,
  tall: one.height,
})

/** The cuboid in metres, to a millionth: what was only looked at comes back as it was. */
export const solidOf = (one: Planned, ground: Ground): Solid => ({
  x: round(one.cx / ground.scale + ground.left),
  y: round(ground.top - one.cy / ground.scale),
  z: round(one.z),
  length: round(one.width / ground.scale),
  width: round(one.height / ground.scale),
  height: round(one.tall),
  yaw: round((-one.angle_deg * Math.PI) / 180),
})

const isSolid = (geometry: unknown): geometry is Solid => typeof geometry === 'object' && geometry !== null && 'yaw' in geometry
const isPlanned = (geometry: unknown): geometry is Planned => typeof geometry === 'object' && geometry !== null && 'tall' in geometry

/** The object as the picture from above shows it; any other comes back as it is. */
export const onPlan = <T extends Pick<Labelled, 'geometry_type' | 'geometry'>>(one: T, ground: Ground | undefined): T => (ground && isSolid(one.geometry) ? { ...one, geometry: planOf(one.geometry, ground) } : one)

/** The same for the server: cuboids in metres. */
export function inMetres<T extends object>(one: T, ground: Ground | undefined): T {
  const geometry = 'geometry' in one ? one.geometry : null
  return ground && isPlanned(geometry) ? { ...one, geometry: solidOf(geometry, ground) } : one
}

/** Height of the ground below and of the highest point above a footprint; a car's where there are no points. */
export function tallness(box: { cx: number; cy: number; width: number; height: number; angle_deg: number }, ground: Ground): { z: number; tall: number } {
  const turn = (box.angle_deg * Math.PI) / 180
  const [cos, sin] = [Math.cos(turn), Math.sin(turn)]
  const inside: number[] = []
  const { points } = ground
  for (let at = 0; at < points.length; at += 4) {
    const [dx, dy] = [(points[at]! - ground.left) * ground.scale - box.cx, (ground.top - points[at + 1]!) * ground.scale - box.cy]
    if (Math.abs(dx * cos + dy * sin) <= box.width / 2 && Math.abs(dy * cos - dx * sin) <= box.height / 2) inside.push(points[at + 2]!)
  }
  if (inside.length < 3) return { z: 0, tall: 1.6 }
  inside.sort((a, b) => a - b)
  const [low, high] = [inside[Math.floor(inside.length * 0.01)]!, inside[Math.ceil(inside.length * 0.99) - 1]!]
  const tall = Math.max(0.1, high - low)
  return { z: round(low + tall / 2), tall: round(tall) }
}

/** The cuboids among objects, in metres. */
export function solids(objects: Iterable<Pick<Labelled, 'id' | 'label' | 'geometry_type' | 'geometry'>>, ground?: Ground): { id: string; label: string; solid: Solid }[] {
  const found = []
  for (const one of objects) {
    if (one.geometry_type !== 'cuboid') continue
    const geometry: Shape['geometry'] = inMetres(one, ground).geometry
    if (isSolid(geometry)) found.push({ id: one.id, label: one.label, solid: geometry })
  }
  return found
}
