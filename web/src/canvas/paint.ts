import { suggested, trackOf, type Document, type Labelled } from './document'
import { bounds, corners, handles, type Handle, type Point, type Shape } from './shapes'
import { decodeRuns, type Mask } from './rle'
import { TILE, type Tiles } from './tiles'
import { inSight, type Size, type Viewport } from './viewport'
import { groupedBy } from '@/ui/grouped'

/** What another person said of the image, drawn thin with who it was; `tone` warns where two said different things. */
export type Ghost = { shape: Shape; label: string; tag: string; tone: 'ghost' | 'conflict' }

export type Scene = {
  at: Viewport
  view: Size
  document: Document
  colour: (label: string) => string
  edges: readonly (readonly number[])[]
  selected: string
  hover: string
  hidden: boolean
  editable: boolean
  draft: Shape | null
  draftLabel: string
  rubber: Point | null
  tiles: Tiles | null
  brush: { x: number; y: number; radius: number } | null
  ghosts: readonly Ghost[]
  /** By id, how far (0 to 1) a just accepted proposal has turned solid. */
  settling: ReadonlyMap<string, number>
  hot: Handle | null
}

export const PHOSPHOR = 'oklch(88% .19 125)'
const CASING = 'rgba(0,0,0,.6)'
const AMBER = 'oklch(80% .14 78)'
const DASH = [5, 4]
const MANY = 500
const LARGE_PX = 240
const TAGS = 48

/** Draws all of the scene; the context is scaled to CSS pixels. Returns how many shapes were in sight. */
export function paint(g: CanvasRenderingContext2D, scene: Scene): number {
  const { at, view, document } = scene
  g.clearRect(0, 0, view.width, view.height)
  g.lineJoin = 'round'
  let shown: Labelled[] = []
  if (!scene.hidden) {
    for (const id of document.within(inSight(at, view))) if (id !== scene.selected && id !== scene.hover) shown.push(document.objects.get(id)!)
    const dashes = shown.length <= MANY
    const groups = groupedBy(shown, (one) => styleOf(one, scene, dashes))
    for (const one of shown) if (one.geometry_type === 'mask') drawMask(g, one.geometry, suggested(one) ? PHOSPHOR : scene.colour(one.label), at)
    for (const ghost of scene.ghosts) if (ghost.tone === 'ghost') drawGhost(g, ghost, at, scene.edges)
    casing(g, shown, scene)
    for (const [style, group] of groups) {
      const [colour, dash] = style.split('|') as [string, string]
      g.strokeStyle = colour
      g.lineWidth = 1.5
      g.setLineDash(dash === 'dash' ? DASH : dash ? [DASH[0]!, DASH[1]! * (1 - Number(dash))] : [])
      outlines(g, group, scene, !dashes)
    }
    g.setLineDash([])
    if (shown.length <= TAGS) for (const one of shown) tagOf(g, one, scene, false)
    for (const ghost of scene.ghosts) if (ghost.tone === 'conflict') drawGhost(g, ghost, at, scene.edges)
    const top = [scene.hover, scene.selected].filter((id, index, all) => all.indexOf(id) === index).map((id) => document.objects.get(id)).filter((one) => one !== undefined)
    for (const one of top) drawTop(g, one, scene)
    shown = [...shown, ...top]
  }
  if (scene.tiles) drawTiles(g, scene.tiles, scene.colour(scene.draftLabel), at)
  if (scene.draft) drawDraft(g, scene)
  if (scene.brush) {
    for (const [width, colour] of [[3, CASING], [1, '#fff']] as const) {
      g.strokeStyle = colour
      g.lineWidth = width
      g.beginPath()
      g.arc(scene.brush.x, scene.brush.y, Math.max(1, scene.brush.radius * at.scale), 0, 7)
      g.stroke()
    }
  }
  return shown.length
}

function styleOf(one: Labelled, scene: Scene, dashes: boolean): string {
  const settling = scene.settling.get(one.id)
  if (settling !== undefined) return `${scene.colour(one.label)}|${settling}`
  if (!suggested(one)) return `${scene.colour(one.label)}|`
  const box = dashes ? null : bounds(one)
  return dashes || (box && Math.max(box.width, box.height) * scene.at.scale > LARGE_PX) ? `${PHOSPHOR}|dash` : `${PHOSPHOR}|`
}

/** One dark path under all outlines: without it they vanish on saturated images. What is tiny goes without. */
function casing(g: CanvasRenderingContext2D, shown: readonly Labelled[], scene: Scene): void {
  g.setLineDash([])
  g.strokeStyle = CASING
  g.lineWidth = 3.5
  outlines(g, shown, scene, shown.length > MANY, 6)
}

/** Strokes all outlines in the style that is set. Boxes go one by one: in one path of thousands each costs more. */
function outlines(g: CanvasRenderingContext2D, all: readonly Labelled[], { at, edges }: Scene, many: boolean, least_px = 0): void {
  let rest = false
  const crisp = many && g.getLineDash().length === 0
  if (crisp) g.fillStyle = g.strokeStyle
  for (const one of all) {
    if (one.geometry_type !== 'box') {
      if (!rest) g.beginPath()
      rest = true
      trace(g, one, at, edges)
      continue
    }
    const { x, y, width, height } = one.geometry
    if (Math.max(width, height) * at.scale < least_px) continue
    if (crisp) frameOf(g, x * at.scale + at.x, y * at.scale + at.y, width * at.scale, height * at.scale)
    else g.strokeRect(x * at.scale + at.x, y * at.scale + at.y, width * at.scale, height * at.scale)
  }
  if (rest) g.stroke()
}

/** A box as four bars on whole pixels: for thousands of boxes several times cheaper than stroking them. */
function frameOf(g: CanvasRenderingContext2D, x: number, y: number, width: number, height: number): void {
  const bar = Math.max(1, Math.round(g.lineWidth))
  const [left, top] = [Math.round(x - bar / 2), Math.round(y - bar / 2)]
  const [across, down] = [Math.round(width) + bar, Math.round(height) + bar]
  g.fillRect(left, top, across, bar)
  g.fillRect(left, top + down - bar, across, bar)
  g.fillRect(left, top + bar, bar, down - 2 * bar)
  g.fillRect(left + across - bar, top + bar, bar, down - 2 * bar)
}

/** Adds the shape's outline to the current path. */
export function trace(g: CanvasRenderingContext2D, shape: Shape, at: Viewport, edges: readonly (readonly number[])[]): void {
  const line = (points: readonly Point[], close: boolean): void => {
    points.forEach(([x, y], index) => (index ? g.lineTo(x * at.scale + at.x, y * at.scale + at.y) : g.moveTo(x * at.scale + at.x, y * at.scale + at.y)))
    if (close) g.closePath()
  }
  switch (shape.geometry_type) {
    case 'box': {
      const { x, y, width, height } = shape.geometry
      g.rect(x * at.scale + at.x, y * at.scale + at.y, width * at.scale, height * at.scale)
      break
    }
    case 'rotated_box':
      line(corners(shape.geometry), true)
      break
    case 'cuboid': {
      const [, b, c] = corners(shape.geometry)
      line(corners(shape.geometry), true)
      // Where it heads: a line from its middle out of its front.
      line([[shape.geometry.cx, shape.geometry.cy], [1.35 * ((b![0] + c![0]) / 2) - 0.35 * shape.geometry.cx, 1.35 * ((b![1] + c![1]) / 2) - 0.35 * shape.geometry.cy]], false)
      break
    }
    case 'polygon':
      for (const ring of shape.geometry.rings) line(ring, true)
      break
    case 'polyline':
      line(shape.geometry.points, false)
      break
    case 'keypoints': {
      const joints = shape.geometry.points
      for (const [from, to] of edges) {
        const [a, b] = [joints[from!], joints[to!]]
        if (a?.[2] && b?.[2]) line([[a[0], a[1]], [b[0], b[1]]], false)
      }
      for (const [x, y, seen] of joints) {
        if (!seen) continue
        g.moveTo(x * at.scale + at.x + 3, y * at.scale + at.y)
        g.arc(x * at.scale + at.x, y * at.scale + at.y, 3, 0, 7)
      }
      break
    }
    default:
  }
}

function drawTop(g: CanvasRenderingContext2D, one: Labelled, scene: Scene): void {
  const { at } = scene
  const chosen = one.id === scene.selected
  const own = scene.colour(one.label)
  const settling = scene.settling.get(one.id)
  const machine = suggested(one)
  const painting = chosen && scene.tiles !== null
  if (one.geometry_type === 'mask') {
    if (!painting) drawMask(g, one.geometry, machine ? PHOSPHOR : own, at, 0.6)
    const box = bounds(one)
    if (box && chosen) {
      g.strokeStyle = '#fff'
      g.lineWidth = 1
      g.setLineDash([2, 3])
      g.strokeRect(box.x * at.scale + at.x, box.y * at.scale + at.y, box.width * at.scale, box.height * at.scale)
      g.setLineDash([])
    }
  } else {
    g.beginPath()
    trace(g, one, at, scene.edges)
    if (one.geometry_type !== 'polyline' && one.geometry_type !== 'keypoints') {
      g.save()
      g.globalAlpha = 0.16
      g.fillStyle = machine ? PHOSPHOR : own
      g.fill('evenodd')
      g.restore()
    }
    g.setLineDash([])
    g.strokeStyle = 'rgba(0,0,0,.75)'
    g.lineWidth = chosen ? 4.5 : 3.5
    g.stroke()
    g.strokeStyle = machine ? PHOSPHOR : own
    g.lineWidth = chosen ? 2.5 : 2
    g.setLineDash(machine ? DASH : settling !== undefined ? [DASH[0]!, DASH[1]! * (1 - settling)] : [])
    g.stroke()
    g.setLineDash([])
  }
  if (chosen && scene.editable) {
    for (const handle of handles(one, 22 / at.scale)) drawHandle(g, handle, scene, one)
  }
  tagOf(g, one, scene, true)
}

function drawHandle(g: CanvasRenderingContext2D, handle: Handle, scene: Scene, one: Labelled): void {
  const [x, y] = [handle.x * scene.at.scale + scene.at.x, handle.y * scene.at.scale + scene.at.y]
  const joint = one.geometry_type === 'keypoints' ? one.geometry.points[handle.at] : undefined
  if (joint && !joint[2]) return
  if (handle.part === 'side') {
    const box = bounds(one)!
    if ((handle.at % 2 ? box.height : box.width) * scene.at.scale < 36) return
  }
  const hot = scene.hot?.part === handle.part && scene.hot.at === handle.at && scene.hot.ring === handle.ring
  const reach = (handle.part === 'side' ? 2.5 : 3.5) + (hot ? 1.5 : 0)
  g.beginPath()
  if (handle.part === 'corner' || handle.part === 'side') g.rect(x - reach, y - reach, 2 * reach, 2 * reach)
  else g.arc(x, y, reach, 0, 7)
  g.fillStyle = joint?.[2] === 1 ? 'rgba(0,0,0,.8)' : '#fff'
  g.strokeStyle = joint?.[2] === 1 ? '#fff' : 'rgba(0,0,0,.8)'
  g.lineWidth = 1
  g.fill()
  g.stroke()
}

const FONT = '500 11px "Inter Variable", system-ui, sans-serif'

function tagOf(g: CanvasRenderingContext2D, one: Labelled, scene: Scene, full: boolean): void {
  const box = bounds(one)
  if (!box || (!full && Math.max(box.width, box.height) * scene.at.scale < 32)) return
  const machine = suggested(one)
  const track = trackOf(one)
  const named = track === null ? one.label : `${one.label} #${track}`
  const text = machine && one.score != null ? `${named} ${one.score.toFixed(2)}` : named
  drawTag(g, text, box.x * scene.at.scale + scene.at.x, box.y * scene.at.scale + scene.at.y, { fill: machine ? 'rgba(0,0,0,.78)' : scene.colour(one.label), ink: machine ? PHOSPHOR : '#111', dashed: machine, view: scene.view })
}

function drawTag(g: CanvasRenderingContext2D, text: string, left: number, top: number, look: { fill: string; ink: string; dashed: boolean; view: Size }): void {
  g.font = FONT
  const width = g.measureText(text).width + 10
  const x = Math.min(Math.max(left - 1, 0), look.view.width - width)
  const y = top < 20 ? Math.max(top, 0) + 2 : top - 18
  g.fillStyle = look.fill
  g.fillRect(x, y, width, 16)
  if (look.dashed) {
    g.strokeStyle = look.ink
    g.lineWidth = 1
    g.setLineDash([3, 2])
    g.strokeRect(x + 0.5, y + 0.5, width - 1, 15)
    g.setLineDash([])
  }
  g.fillStyle = look.ink
  g.fillText(text, x + 5, y + 12)
}

function drawGhost(g: CanvasRenderingContext2D, ghost: Ghost, at: Viewport, edges: Scene['edges']): void {
  const colour = ghost.tone === 'conflict' ? AMBER : 'rgba(255,255,255,.85)'
  if (ghost.shape.geometry_type === 'mask') drawMask(g, ghost.shape.geometry, colour, at, 0.3)
  g.beginPath()
  trace(g, ghost.shape, at, edges)
  g.strokeStyle = CASING
  g.lineWidth = ghost.tone === 'conflict' ? 4 : 3
  g.stroke()
  g.strokeStyle = colour
  g.lineWidth = ghost.tone === 'conflict' ? 2 : 1
  g.stroke()
  const box = bounds(ghost.shape)
  if (!box) return
  g.font = FONT
  const width = g.measureText(ghost.tag).width + 8
  const [x, y] = [(box.x + box.width) * at.scale + at.x - width, (box.y + box.height) * at.scale + at.y]
  g.fillStyle = 'rgba(0,0,0,.78)'
  g.fillRect(x, y, width, 15)
  g.fillStyle = colour
  g.fillText(ghost.tag, x + 4, y + 11)
}

function drawDraft(g: CanvasRenderingContext2D, scene: Scene): void {
  const { at } = scene
  const shape = scene.draft!
  g.beginPath()
  if (shape.geometry_type === 'polygon') {
    const open = [...shape.geometry.rings[0]!, ...(scene.rubber ? [scene.rubber] : [])]
    open.forEach(([x, y], index) => (index ? g.lineTo(x * at.scale + at.x, y * at.scale + at.y) : g.moveTo(x * at.scale + at.x, y * at.scale + at.y)))
  } else if (shape.geometry_type === 'polyline') trace(g, { ...shape, geometry: { points: [...shape.geometry.points, ...(scene.rubber ? [scene.rubber] : [])] } }, at, scene.edges)
  else trace(g, shape, at, scene.edges)
  g.strokeStyle = CASING
  g.lineWidth = 3.5
  g.stroke()
  g.strokeStyle = scene.colour(scene.draftLabel)
  g.lineWidth = 1.5
  g.stroke()
  const dots = shape.geometry_type === 'polygon' ? shape.geometry.rings[0]! : shape.geometry_type === 'polyline' ? shape.geometry.points : []
  dots.forEach(([x, y], index) => {
    g.beginPath()
    g.arc(x * at.scale + at.x, y * at.scale + at.y, index ? 3 : 4.5, 0, 7)
    g.fillStyle = '#fff'
    g.fill()
    g.strokeStyle = CASING
    g.lineWidth = 1
    g.stroke()
  })
}

const pictures = new WeakMap<Mask, { colour: string; picture: HTMLCanvasElement; x: number; y: number; width: number; height: number } | null>()
const MOST_PX = 1024

/** The mask as a picture of its bounds alone, at most 1,024 px on a side, made once for each value and colour. */
function drawMask(g: CanvasRenderingContext2D, mask: Mask, colour: string, at: Viewport, alpha = 0.42): void {
  let made = pictures.get(mask)
  if (made === undefined || (made && made.colour !== colour)) {
    const runs = decodeRuns(mask)
    made = null
    if (runs.bounds) {
      const { x: left, y: top, width, height } = runs.bounds
      const scale = Math.min(1, MOST_PX / Math.max(width, height))
      const picture = document.createElement('canvas')
      picture.width = Math.max(1, Math.round(width * scale))
      picture.height = Math.max(1, Math.round(height * scale))
      const pen = picture.getContext('2d')!
      pen.fillStyle = colour
      runs.each((x, from, to) => pen.fillRect((x - left) * scale, (from - top) * scale, Math.max(scale, 0.5), (to - from) * scale))
      made = { colour, picture, ...runs.bounds }
    }
    pictures.set(mask, made)
  }
  if (!made) return
  g.globalAlpha = alpha
  g.imageSmoothingEnabled = at.scale < 4
  g.drawImage(made.picture, made.x * at.scale + at.x, made.y * at.scale + at.y, made.width * at.scale, made.height * at.scale)
  g.globalAlpha = 1
}

const sheets = new WeakMap<Tiles, Map<number, HTMLCanvasElement>>()

/** The mask that is being painted, tile by tile; only tiles that changed are redrawn. */
function drawTiles(g: CanvasRenderingContext2D, tiles: Tiles, colour: string, at: Viewport): void {
  const [red, green, blue] = [1, 3, 5].map((from) => parseInt(colour.slice(from, from + 2), 16) || 0) as [number, number, number]
  const word = (0xff000000 | (blue << 16) | (green << 8) | red) >>> 0
  const mine = sheets.get(tiles) ?? sheets.set(tiles, new Map()).get(tiles)!
  for (const key of tiles.changed) {
    const sheet = mine.get(key) ?? mine.set(key, Object.assign(document.createElement('canvas'), { width: TILE, height: TILE })).get(key)!
    const picture = new ImageData(TILE, TILE)
    const bytes = tiles.tiles.get(key)!
    const words = new Uint32Array(picture.data.buffer)
    for (let at = 0; at < bytes.length; at++) if (bytes[at]) words[at] = word
    sheet.getContext('2d')!.putImageData(picture, 0, 0)
  }
  tiles.changed.clear()
  g.globalAlpha = 0.55
  for (const [key, sheet] of mine) {
    const [x, y] = tiles.origin(key)
    g.drawImage(sheet, x * at.scale + at.x, y * at.scale + at.y, TILE * at.scale, TILE * at.scale)
  }
  g.globalAlpha = 1
}
