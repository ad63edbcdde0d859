/** What can be drawn on an image, in pixels of the oriented image, origin top left. */
import type { Planned } from './plan'
import { decodeRuns, type Mask } from './rle'

export type Point = [number, number]
export type Visibility = 0 | 1 | 2
export type Joint = [number, number, Visibility]
export type Rect = { x: number; y: number; width: number; height: number }
export type Shape =
  | { geometry_type: 'class'; geometry: Record<string, never> }
  | { geometry_type: 'box'; geometry: Rect }
  | { geometry_type: 'rotated_box'; geometry: { cx: number; cy: number; width: number; height: number; angle_deg: number } }
  | { geometry_type: 'polygon'; geometry: { rings: Point[][] } }
  | { geometry_type: 'polyline'; geometry: { points: Point[] } }
  | { geometry_type: 'mask'; geometry: Mask }
  | { geometry_type: 'keypoints'; geometry: { points: Joint[] } }
  /** As the picture of its sweep from above shows it; on any other picture it has no place. */
  | { geometry_type: 'cuboid'; geometry: Planned }
export type Kind = Shape['geometry_type']

/** A place on a shape that can be dragged. `ring` and `at` name a vertex, a side of a box, or a joint. */
export type Handle = { x: number; y: number; part: 'corner' | 'side' | 'turn' | 'vertex' | 'joint'; at: number; ring: number }

const clamp = (value: number, low: number, high: number): number => Math.min(Math.max(value, low), high)

/** The upright rectangle between two points, kept inside the image. */
export function between(a: Point, b: Point, width: number, height: number): Rect {
  const x0 = clamp(Math.min(a[0], b[0]), 0, width)
  const y0 = clamp(Math.min(a[1], b[1]), 0, height)
  return { x: x0, y: y0, width: clamp(Math.max(a[0], b[0]), 0, width) - x0, height: clamp(Math.max(a[1], b[1]), 0, height) - y0 }
}

/** The corners of a rotated box, clockwise from the one that is top left at 0 degrees. */
export function corners(box: { cx: number; cy: number; width: number; height: number; angle_deg: number }): Point[] {
  const turn = (box.angle_deg * Math.PI) / 180
  const [cos, sin, w, h] = [Math.cos(turn), Math.sin(turn), box.width / 2, box.height / 2]
  return ([[-w, -h], [w, -h], [w, h], [-w, h]] as Point[]).map(([a, b]) => [box.cx + a * cos - b * sin, box.cy + a * sin + b * cos])
}

/** The points that a shape is drawn with: corners, all rings, or the joints that are labelled. */
export function outline(shape: Shape): Point[] {
  switch (shape.geometry_type) {
    case 'box': {
      const { x, y, width: w, height: h } = shape.geometry
      return [[x, y], [x + w, y], [x + w, y + h], [x, y + h]]
    }
    case 'cuboid':
    case 'rotated_box':
      return corners(shape.geometry)
    case 'polygon':
      return shape.geometry.rings.flat()
    case 'polyline':
      return shape.geometry.points
    case 'keypoints':
      return shape.geometry.points.filter((one) => one[2] > 0).map(([x, y]) => [x, y])
    default:
      return []
  }
}

/** The smallest upright rectangle around a shape; null where it has no place (a class, nothing labelled). */
export function bounds(shape: Shape): Rect | null {
  if (shape.geometry_type === 'box') return shape.geometry
  if (shape.geometry_type === 'mask') return decodeRuns(shape.geometry).bounds
  const points = outline(shape)
  if (!points.length) return null
  let [x0, y0] = points[0]!
  if (x0 !== x0) return null // a cuboid in metres, on a picture that is none from above
  let [x1, y1] = [x0, y0]
  for (const [x, y] of points) {
    if (x < x0) x0 = x
    else if (x > x1) x1 = x
    if (y < y0) y0 = y
    else if (y > y1) y1 = y
  }
  return { x: x0, y: y0, width: x1 - x0, height: y1 - y0 }
}

/** Whether a point is inside a ring, by the even-odd rule. */
export function inRing(ring: readonly Point[], x: number, y: number): boolean {
  let inside = false
  for (let i = 0, j = ring.length - 1; i < ring.length; j = i++) {
    const [xi, yi] = ring[i]!
    const [xj, yj] = ring[j]!
    if (yi > y !== yj > y && x < ((xj - xi) * (y - yi)) / (yj - yi) + xi) inside = !inside
  }
  return inside
}

/** The distance of a point from a segment, and how far along it the nearest place is (0 to 1). */
export function fromSegment(a: Point, b: Point, x: number, y: number): { distance: number; along: number } {
  const [dx, dy] = [b[0] - a[0], b[1] - a[1]]
  const length = dx * dx + dy * dy
  const along = length ? clamp(((x - a[0]) * dx + (y - a[1]) * dy) / length, 0, 1) : 0
  return { distance: Math.hypot(x - a[0] - along * dx, y - a[1] - along * dy), along }
}

/** Whether a click at a point means this shape; `slack` pixels beside a line or a joint count as on it. */
export function hits(shape: Shape, x: number, y: number, slack: number): boolean {
  switch (shape.geometry_type) {
    case 'class':
      return false
    case 'box': {
      const { x: left, y: top, width, height } = shape.geometry
      return x >= left - slack && y >= top - slack && x <= left + width + slack && y <= top + height + slack
    }
    case 'cuboid':
    case 'rotated_box':
      return inRing(corners(shape.geometry), x, y)
    case 'polygon':
      return shape.geometry.rings.reduce((inside, ring) => inside !== inRing(ring, x, y), false)
    case 'polyline':
      return shape.geometry.points.some((one, at, all) => at > 0 && fromSegment(all[at - 1]!, one, x, y).distance <= slack)
    case 'mask':
      return decodeRuns(shape.geometry).has(Math.floor(x), Math.floor(y))
    case 'keypoints': {
      const box = bounds(shape)
      return box !== null && x >= box.x - slack && y >= box.y - slack && x <= box.x + box.width + slack && y <= box.y + box.height + slack
    }
  }
}

/** The area of the bounds, by which the smaller of two shapes under a click is preferred. */
export function extent(shape: Shape): number {
  const box = bounds(shape)
  return box ? box.width * box.height : Infinity
}

/** The shape moved, as far as the image lets it. Masks are moved by painting only: they come back as they are. */
export function moved<S extends Shape>(shape: S, dx: number, dy: number, width: number, height: number): S {
  const box = bounds(shape)
  if (!box || shape.geometry_type === 'mask') return shape
  const x = clamp(dx, Math.min(0, -box.x), Math.max(0, width - box.x - box.width))
  const y = clamp(dy, Math.min(0, -box.y), Math.max(0, height - box.y - box.height))
  const go = (one: Point): Point => [one[0] + x, one[1] + y]
  const at = <G>(geometry: G): S => ({ ...shape, geometry })
  switch (shape.geometry_type) {
    case 'box':
      return at({ ...shape.geometry, x: shape.geometry.x + x, y: shape.geometry.y + y })
    case 'cuboid':
    case 'rotated_box':
      return at({ ...shape.geometry, cx: shape.geometry.cx + x, cy: shape.geometry.cy + y })
    case 'polygon':
      return at({ rings: shape.geometry.rings.map((ring) => ring.map(go)) })
    case 'polyline':
      return at({ points: shape.geometry.points.map(go) })
    case 'keypoints':
      return at({ points: shape.geometry.points.map(([a, b, seen]) => [a + x, b + y, seen]) })
    default:
      return shape
  }
}

/** Where a shape can be taken hold of; the turning handle of a rotated box stands `reach` above its top side. */
export function handles(shape: Shape, reach: number): Handle[] {
  const vertices = (points: readonly Point[], ring: number): Handle[] => points.map(([x, y], at) => ({ x, y, part: 'vertex', at, ring }))
  switch (shape.geometry_type) {
    case 'box': {
      const all = outline(shape)
      const sides = all.map(([x, y], at): Handle => ({ x: (x + all[(at + 1) % 4]![0]) / 2, y: (y + all[(at + 1) % 4]![1]) / 2, part: 'side', at, ring: 0 }))
      return [...all.map(([x, y], at): Handle => ({ x, y, part: 'corner', at, ring: 0 })), ...sides]
    }
    case 'cuboid':
    case 'rotated_box': {
      const turn = (shape.geometry.angle_deg * Math.PI) / 180
      const up = shape.geometry.height / 2 + reach
      const grip: Handle = { x: shape.geometry.cx + up * Math.sin(turn), y: shape.geometry.cy - up * Math.cos(turn), part: 'turn', at: 0, ring: 0 }
      return [...corners(shape.geometry).map(([x, y], at): Handle => ({ x, y, part: 'corner', at, ring: 0 })), grip]
    }
    case 'polygon':
      return shape.geometry.rings.flatMap(vertices)
    case 'polyline':
      return vertices(shape.geometry.points, 0)
    case 'keypoints':
      return shape.geometry.points.map(([x, y], at) => ({ x, y, part: 'joint', at, ring: 0 }))
    default:
      return []
  }
}

/** The shape with one handle dragged to a point. A box that is turned inside out stays a box. */
export function dragged<S extends Shape>(shape: S, handle: Handle, x: number, y: number, width: number, height: number): S {
  const [px, py] = [clamp(x, 0, width), clamp(y, 0, height)]
  const at = <G>(geometry: G): S => ({ ...shape, geometry })
  const replaced = (points: readonly Point[]): Point[] => points.map((one, index) => (index === handle.at ? [px, py] : one))
  switch (shape.geometry_type) {
    case 'box': {
      const all = outline(shape)
      if (handle.part === 'corner') return at(between(all[(handle.at + 2) % 4]!, [px, py], width, height))
      const [a, c] = [all[0]!, all[2]!]
      const moving: Point = handle.at === 0 ? [a[0], py] : handle.at === 3 ? [px, a[1]] : handle.at === 1 ? [px, c[1]] : [c[0], py]
      return at(between(handle.at === 0 || handle.at === 3 ? c : a, moving, width, height))
    }
    case 'cuboid':
    case 'rotated_box': {
      const box = shape.geometry
      if (handle.part === 'turn') {
        const angle = (Math.atan2(y - box.cy, x - box.cx) * 180) / Math.PI + 90
        return at({ ...box, angle_deg: Math.round((angle > 180 ? angle - 360 : angle) * 10) / 10 })
      }
      const fixed = corners(box)[(handle.at + 2) % 4]!
      const turn = (box.angle_deg * Math.PI) / 180
      const [dx, dy] = [px - fixed[0], py - fixed[1]]
      return at({ ...box, cx: (px + fixed[0]) / 2, cy: (py + fixed[1]) / 2, width: Math.max(1, Math.abs(dx * Math.cos(turn) + dy * Math.sin(turn))), height: Math.max(1, Math.abs(dy * Math.cos(turn) - dx * Math.sin(turn))) })
    }
    case 'polygon':
      return at({ rings: shape.geometry.rings.map((ring, index) => (index === handle.ring ? replaced(ring) : ring)) })
    case 'polyline':
      return at({ points: replaced(shape.geometry.points) })
    case 'keypoints':
      return at({ points: shape.geometry.points.map((one, index): Joint => (index === handle.at ? [px, py, one[2] || 2] : one)) })
    default:
      return shape
  }
}

/** The shape with a vertex put in on the edge nearest to a point, within `slack`; null where no edge is near. */
export function withVertex<S extends Shape>(shape: S, x: number, y: number, slack: number): S | null {
  const rings = shape.geometry_type === 'polygon' ? shape.geometry.rings : shape.geometry_type === 'polyline' ? [shape.geometry.points] : []
  let best = { distance: slack, ring: -1, after: 0 }
  rings.forEach((ring, index) => {
    const edges = shape.geometry_type === 'polygon' ? ring.length : ring.length - 1
    for (let from = 0; from < edges; from++) {
      const { distance } = fromSegment(ring[from]!, ring[(from + 1) % ring.length]!, x, y)
      if (distance < best.distance) best = { distance, ring: index, after: from }
    }
  })
  if (best.ring < 0) return null
  const grown = rings.map((ring, index) => (index === best.ring ? ring.toSpliced(best.after + 1, 0, [x, y]) : ring))
  return { ...shape, geometry: shape.geometry_type === 'polygon' ? { rings: grown } : { points: grown[0] } }
}

/** The shape without one vertex; null where too few would be left. A hole of three goes as a whole. */
export function withoutVertex<S extends Shape>(shape: S, handle: Handle): S | null {
  if (shape.geometry_type === 'polyline') return shape.geometry.points.length > 2 ? { ...shape, geometry: { points: shape.geometry.points.toSpliced(handle.at, 1) } } : null
  if (shape.geometry_type !== 'polygon') return null
  const ring = shape.geometry.rings[handle.ring]!
  if (ring.length > 3) return { ...shape, geometry: { rings: shape.geometry.rings.with(handle.ring, ring.toSpliced(handle.at, 1)) } }
  return handle.ring > 0 ? { ...shape, geometry: { rings: shape.geometry.rings.toSpliced(handle.ring, 1) } } : null
}

/** Intersection over union of the bounds of two shapes, 0 where either has none. */
export function overlap(a: Shape, b: Shape): number {
  const [p, q] = [bounds(a), bounds(b)]
  if (!p || !q) return 0
  const w = Math.min(p.x + p.width, q.x + q.width) - Math.max(p.x, q.x)
  const h = Math.min(p.y + p.height, q.y + q.height) - Math.max(p.y, q.y)
  if (w <= 0 || h <= 0) return 0
  return (w * h) / (p.width * p.height + q.width * q.height - w * h)
}
