import type { Labelled } from './document'
import { newId } from '@/api/new-id'
import type { Engine } from './engine'
import { between, dragged, handles, moved, withoutVertex, withVertex, type Handle, type Joint, type Point, type Shape } from './shapes'
import { Tiles } from './tiles'

/** What goes on from a press to its release. */
export type Grip = { move: (p: Point, event: PointerEvent) => void; up: (p: Point) => void; cancel: () => void }
export type ToolName = 'select' | 'box' | 'rotated_box' | 'polygon' | 'polyline' | 'mask' | 'keypoints' | 'cuboid'
export type Tool = {
  cursor: string
  down: (engine: Engine, p: Point, event: PointerEvent) => Grip | null
  hover?: (engine: Engine, p: Point) => void
  double?: (engine: Engine, p: Point) => void
  /** Ends what is being drawn. */
  finish?: (engine: Engine) => void
}

const GRAB_PX = 7
const LEAST_PX = 3

/** The handle of the chosen shape near a point. */
export function handleNear(engine: Engine, p: Point): Handle | null {
  const one = engine.chosen()
  if (!one || !engine.editable) return null
  const reach = GRAB_PX / engine.at.scale
  let best: Handle | null = null
  let least = reach
  for (const handle of handles(one, 22 / engine.at.scale)) {
    if (handle.part === 'joint' && one.geometry_type === 'keypoints' && !one.geometry.points[handle.at]![2]) continue
    const distance = Math.hypot(handle.x - p[0], handle.y - p[1])
    // A corner goes before the side that ends there.
    if (distance < least || (best?.part === 'side' && handle.part === 'corner' && distance < reach)) [best, least] = [handle, distance]
  }
  return best
}

/** What a person drew, as a new object; on a chosen proposal the same verb would be a correction. */
function made(engine: Engine, shape: Shape): void {
  engine.draft = null
  engine.rubber = null
  const one = { ...shape, id: newId(), revision: 0, label: engine.label, attributes: {}, author: engine.actor, author_kind: 'person', basis: 'drawn', score: null, made_at: new Date().toISOString() } as Labelled
  engine.document.put(one, `Drew ${one.label}`)
  engine.select(one.id)
}

/** What is changed is a correction by a person, whatever is changed about it, unless a person drew it. */
export const corrected = (one: Labelled, change: Partial<Labelled>): Labelled => ({ ...one, ...change, ...(one.basis === 'drawn' ? {} : { basis: 'corrected' }), author_kind: 'person' }) as Labelled

/** A press that changes the chosen shape: shown while it lasts, one step once it ends. */
function changing(engine: Engine, before: Labelled, name: string, shapeAt: (p: Point) => Shape): Grip {
  let last: Labelled | null = null
  return {
    move: (p) => {
      last = corrected(before, shapeAt(p))
      engine.document.replace(before.id, last)
    },
    up: () => {
      if (!last) return
      engine.document.replace(before.id, before)
      engine.document.put(last, name)
    },
    cancel: () => engine.document.replace(before.id, before),
  }
}

const select: Tool = {
  cursor: 'default',
  down(engine, p, event) {
    const { document, width, height } = engine
    const chosen = engine.chosen()
    const handle = handleNear(engine, p)
    if (chosen && handle) {
      if (event.altKey && handle.part === 'vertex') {
        const less = withoutVertex(chosen, handle)
        if (less) document.put(corrected(chosen, less), 'Took a vertex out')
        return null
      }
      return changing(engine, chosen, `Changed ${chosen.label}`, ([x, y]) => dragged(chosen as Shape, handle, x, y, width, height))
    }
    const under = document.under(p[0], p[1], 4 / engine.at.scale)
    const hit = under.find((one) => one.id === engine.selected) ?? under[0]
    if (!hit) {
      engine.select('')
      return engine.panning(event)
    }
    engine.select(hit.id)
    if (!engine.editable || hit.geometry_type === 'mask') return null
    const grip = changing(engine, hit, `Moved ${hit.label}`, ([x, y]) => moved(hit as Shape, x - p[0], y - p[1], width, height))
    let far = false
    return { ...grip, move: (to, e) => ((far ||= Math.hypot(to[0] - p[0], to[1] - p[1]) * engine.at.scale > LEAST_PX) ? grip.move(to, e) : undefined) }
  },
  hover(engine, p) {
    const hot = handleNear(engine, p)
    const over = hot ? engine.selected : (engine.document.under(p[0], p[1], 4 / engine.at.scale)[0]?.id ?? '')
    if (over === engine.hover && hot?.at === engine.hot?.at && hot?.part === engine.hot?.part) return
    engine.hover = over
    engine.hot = hot
    engine.repaint()
  },
  double(engine, p) {
    const chosen = engine.chosen()
    if (!chosen || !engine.editable) return
    const handle = handleNear(engine, p)
    if (handle?.part === 'joint') return void engine.toggleJoint(handle.at)
    const more = handle ? null : withVertex(chosen as Shape, p[0], p[1], GRAB_PX / engine.at.scale)
    if (more) engine.document.put(corrected(chosen, more), 'Put a vertex in')
  },
}

/** A draw tool always draws, also inside another box. */
const box: Tool = {
  cursor: 'crosshair',
  down(engine, p) {
    const rect = (to: Point): Shape => ({ geometry_type: 'box', geometry: between(p, to, engine.width, engine.height) })
    return {
      move: (to) => {
        engine.draft = rect(to)
        engine.repaint()
      },
      up: (to) => {
        const shape = rect(to)
        if (shape.geometry_type === 'box' && Math.min(shape.geometry.width, shape.geometry.height) * engine.at.scale >= LEAST_PX) made(engine, shape)
        else engine.cancel()
      },
      cancel: () => engine.cancel(),
    }
  },
}

/** One side is drawn, then the pointer gives the depth and a click ends it; `shape` makes the object of the box. */
const turnedBox = (shape: (engine: Engine, box: Turned) => Shape): Tool => ({
  cursor: 'crosshair',
  down(engine, p) {
    if (engine.draft?.geometry_type === 'rotated_box' && engine.base) {
      const box = engine.draft.geometry
      engine.base = null
      if (Math.min(box.width, box.height) * engine.at.scale >= LEAST_PX) made(engine, shape(engine, box))
      else engine.cancel()
      return null
    }
    return {
      move: (to) => {
        engine.draft = { geometry_type: 'polyline', geometry: { points: [p, to] } }
        engine.repaint()
      },
      up: (to) => {
        if (Math.hypot(to[0] - p[0], to[1] - p[1]) * engine.at.scale < LEAST_PX) return engine.cancel()
        engine.base = [p, to]
        this.hover!(engine, to)
      },
      cancel: () => engine.cancel(),
    }
  },
  hover(engine, p) {
    if (!engine.base) return
    const [a, b] = engine.base
    const length = Math.hypot(b[0] - a[0], b[1] - a[1])
    const [ux, uy] = [(b[0] - a[0]) / length, (b[1] - a[1]) / length]
    const depth = (p[0] - a[0]) * -uy + (p[1] - a[1]) * ux
    engine.draft = {
      geometry_type: 'rotated_box',
      geometry: { cx: (a[0] + b[0]) / 2 - (uy * depth) / 2, cy: (a[1] + b[1]) / 2 + (ux * depth) / 2, width: length, height: Math.abs(depth), angle_deg: Math.round((Math.atan2(uy, ux) * 1800) / Math.PI) / 10 },
    }
    engine.repaint()
  },
})

type Turned = { cx: number; cy: number; width: number; height: number; angle_deg: number }
const rotatedBox = turnedBox((_, geometry) => ({ geometry_type: 'rotated_box', geometry }))
/** The side that is drawn first is the one along its heading; its height is that of the points inside. */
const cuboid = turnedBox((engine, box) => ({ geometry_type: 'cuboid', geometry: { ...box, ...engine.tallness(box) } }))

function vertices(kind: 'polygon' | 'polyline', least: number): Tool {
  const drawn = (engine: Engine): Point[] => (engine.draft?.geometry_type === 'polygon' ? engine.draft.geometry.rings[0]! : engine.draft?.geometry_type === 'polyline' ? engine.draft.geometry.points : [])
  const shape = (points: Point[]): Shape => (kind === 'polygon' ? { geometry_type: 'polygon', geometry: { rings: [points] } } : { geometry_type: 'polyline', geometry: { points } })
  const finish = (engine: Engine): void => {
    const points = drawn(engine).filter((one, at, all) => !at || Math.hypot(one[0] - all[at - 1]![0], one[1] - all[at - 1]![1]) * engine.at.scale > 1)
    if (points.length >= least) made(engine, shape(points))
    else engine.cancel()
  }
  return {
    cursor: 'crosshair',
    down(engine, raw) {
      const p: Point = [Math.min(Math.max(raw[0], 0), engine.width), Math.min(Math.max(raw[1], 0), engine.height)]
      const points = drawn(engine)
      const first = points[0]
      if (kind === 'polygon' && first && points.length >= least && Math.hypot(first[0] - p[0], first[1] - p[1]) * engine.at.scale < GRAB_PX + 2) {
        finish(engine)
        return null
      }
      engine.draft = shape([...points, p])
      engine.repaint()
      return null
    },
    hover(engine, p) {
      if (!engine.draft) return
      engine.rubber = p
      engine.repaint()
    },
    double: finish,
    finish,
  }
}

/** Paints on the chosen mask, or a new one; with Alt it wipes. */
const mask: Tool = {
  cursor: 'none',
  down(engine, p, event) {
    const { chosen } = { chosen: engine.chosen() }
    const before = chosen?.geometry_type === 'mask' ? chosen : null
    const tiles = (engine.tiles ??= before ? Tiles.of(before.geometry) : new Tiles(engine.width, engine.height))
    const value = event.altKey || engine.wiping ? 0 : 1
    let last = p
    tiles.stroke(p, p, engine.brush_px, value)
    engine.repaint()
    return {
      move: (to) => {
        tiles.stroke(last, to, engine.brush_px, value)
        last = to
        engine.repaint()
      },
      up: () => {
        const geometry = tiles.encode()
        engine.tiles = null
        if (!geometry) return before ? engine.document.remove([before.id], `Wiped ${before.label}`) : engine.repaint()
        if (before) engine.document.put(corrected(before, { geometry_type: 'mask', geometry } as Partial<Labelled>), `Painted ${before.label}`)
        else made(engine, { geometry_type: 'mask', geometry })
      },
      cancel: () => {
        engine.tiles = null
        engine.repaint()
      },
    }
  },
  hover: (engine) => engine.repaint(),
}

/** Joint after joint in the order of the skeleton; with Alt one that is hidden in the picture. Enter leaves the rest out. */
const keypoints: Tool = {
  cursor: 'crosshair',
  down(engine, p, event) {
    const joints = engine.draft?.geometry_type === 'keypoints' ? engine.draft.geometry.points : []
    const next: Joint[] = [...joints, [Math.min(Math.max(p[0], 0), engine.width), Math.min(Math.max(p[1], 0), engine.height), event.altKey ? 1 : 2]]
    engine.draft = { geometry_type: 'keypoints', geometry: { points: next } }
    if (next.length >= engine.joints) keypoints.finish!(engine)
    else engine.tell()
    engine.repaint()
    return null
  },
  finish(engine) {
    if (engine.draft?.geometry_type !== 'keypoints') return
    const placed = engine.draft.geometry.points
    const missing = Array.from({ length: Math.max(0, engine.joints - placed.length) }, (): Joint => [0, 0, 0])
    made(engine, { geometry_type: 'keypoints', geometry: { points: [...placed, ...missing] } })
  },
}

export const TOOLS: Record<ToolName, Tool> = { select, box, rotated_box: rotatedBox, polygon: vertices('polygon', 3), polyline: vertices('polyline', 2), mask, keypoints, cuboid }
