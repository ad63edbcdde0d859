import { Document, suggested, type Labelled } from './document'
import { paint, type Ghost } from './paint'
import { bounds, moved, type Handle, type Joint, type Point, type Shape } from './shapes'
import type { Tiles } from './tiles'
import { corrected, TOOLS, type Grip, type ToolName } from './tools'
import { around, carried, fitted, panned, toImage, zoomed, type Size, type Viewport } from './viewport'

export type { Ghost, ToolName }

/** Where the person had looked, kept over images, screens and modes. */
let kept: { at: Viewport; image: Size; fitted: boolean } | null = null
const SETTLE_MS = 120
const CROWDED = 120
const MOVE_MS = 100

/**
 * The canvas: the image in a CSS transform, its objects on one 2D canvas above it. It keeps its state outside of React and
 * paints at most once a frame; `subscribe` tells of what the panels beside it show.
 */
export class Engine {
  document = new Document('', 1, 1)
  at: Viewport = { scale: 1, x: 0, y: 0 }
  view: Size = { width: 1, height: 1 }
  selected = ''
  hover = ''
  hot: Handle | null = null
  tool: ToolName = 'select'
  label = ''
  hidden = false
  editable = true
  /** The question is the class of the whole image, the object without an id. */
  wholeImage = false
  actor = ''
  draft: Shape | null = null
  rubber: Point | null = null
  base: [Point, Point] | null = null
  tiles: Tiles | null = null
  brush_px = 12
  wiping = false
  joints = 0
  /** How high what stands on a footprint reaches, where the picture is one from above. */
  tallness: (box: { cx: number; cy: number; width: number; height: number; angle_deg: number }) => { z: number; tall: number } = () => ({ z: 0, tall: 1 })
  ghosts: readonly Ghost[] = []
  colour: (label: string) => string = () => '#6FB1FF'
  edges: readonly (readonly number[])[] = []
  /** Counts what the panels show; not the pointer, not the view. */
  version = 0
  painted = { shapes: 0, ms: 0, frames: 0 }

  image: HTMLImageElement = document.createElement('img')
  readonly canvas: HTMLCanvasElement
  private readonly pen: CanvasRenderingContext2D
  private readonly listeners = new Set<() => void>()
  private readonly off = new AbortController()
  private readonly seen: ResizeObserver
  private settling = new Map<string, number>()
  private grip: Grip | null = null
  private pointer: Point | null = null
  private frame = 0
  private stale = true
  private drawn: Viewport = { scale: 1, x: 0, y: 0 }
  private drawnWhen = 0
  private space = false

  constructor(readonly host: HTMLElement) {
    this.canvas = document.createElement('canvas')
    Object.assign(this.canvas.style, { position: 'absolute', inset: '0', width: '100%', height: '100%', touchAction: 'none', transformOrigin: '0 0', willChange: 'transform' })
    host.append(this.image, this.canvas)
    this.pen = this.canvas.getContext('2d')!
    const on = { signal: this.off.signal }
    this.canvas.addEventListener('pointerdown', this.onDown, on)
    this.canvas.addEventListener('pointermove', this.onMove, on)
    this.canvas.addEventListener('pointerup', this.onUp, on)
    this.canvas.addEventListener('pointercancel', () => this.cancel(), on)
    this.canvas.addEventListener('pointerleave', () => this.leave(), on)
    this.canvas.addEventListener('dblclick', this.onDouble, on)
    this.canvas.addEventListener('contextmenu', (event) => event.preventDefault(), on)
    this.canvas.addEventListener('wheel', this.onWheel, { passive: false, signal: this.off.signal })
    addEventListener('keydown', this.onSpace, on)
    addEventListener('keyup', this.onSpace, on)
    this.seen = new ResizeObserver(() => this.resize())
    this.seen.observe(host)
    this.resize()
  }

  destroy(): void {
    this.off.abort()
    this.seen.disconnect()
    cancelAnimationFrame(this.frame)
    this.image.remove()
    this.canvas.remove()
  }

  get width(): number {
    return this.document.width
  }
  get height(): number {
    return this.document.height
  }

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener)
    return () => void this.listeners.delete(listener)
  }

  /** Something changed that panels show. */
  tell(): void {
    this.version++
    for (const listener of this.listeners) listener()
  }

  /** Shows an image that is decoded already, with its objects. */
  show(image: HTMLImageElement, document: Document): void {
    this.cancel()
    if (image !== this.image) {
      Object.assign(image.style, { position: 'absolute', left: '0', top: '0', maxWidth: 'none', transformOrigin: '0 0', willChange: 'transform' })
      image.draggable = false
      this.image.replaceWith(image)
      this.image = image
    }
    this.document.onChange = () => {}
    this.document = document
    document.onChange = () => {
      if (this.selected && !document.objects.has(this.selected)) this.selected = ''
      this.repaint()
      this.tell()
    }
    this.image.style.width = `${document.width}px`
    this.image.style.height = `${document.height}px`
    this.selected = ''
    this.hover = ''
    this.ghosts = []
    this.settling.clear()
    this.at = carried(kept, document, this.view)
    this.repaint()
    this.tell()
  }

  private resize(): void {
    const { width, height } = this.host.getBoundingClientRect()
    this.view = { width, height }
    const dpr = devicePixelRatio || 1
    this.canvas.width = Math.max(1, Math.round(width * dpr))
    this.canvas.height = Math.max(1, Math.round(height * dpr))
    this.stale = true
    if (!kept || kept.fitted) this.at = fitted(this.document, this.view)
    this.paintNow()
  }

  /** Asks for a new picture at the next frame. */
  repaint = (): void => {
    this.stale = true
    this.ask()
  }

  private ask(): void {
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0
      this.paintNow()
    })
  }

  /** Between two paintings of a crowded image the last one moves along with the image, as one picture. */
  private movedAlong(now: number): boolean {
    const [at, drawn] = [this.at, this.drawn]
    const by = at.scale / drawn.scale
    const near = by > 0.5 && by < 2
    if (this.stale || !near || this.painted.shapes <= CROWDED || now - this.drawnWhen > MOVE_MS) return false
    this.canvas.style.transform = `translate(${at.x - drawn.x * by}px,${at.y - drawn.y * by}px) scale(${by})`
    this.ask()
    return true
  }

  private paintNow(): void {
    const begun = performance.now()
    const { at } = this
    this.image.style.transform = `translate(${at.x}px,${at.y}px) scale(${at.scale})`
    this.image.style.imageRendering = at.scale >= 3 ? 'pixelated' : 'auto'
    this.painted.frames++
    if (this.movedAlong(begun)) return
    this.canvas.style.transform = ''
    this.drawn = at
    this.drawnWhen = begun
    this.stale = false
    const dpr = this.canvas.width / Math.max(1, this.view.width)
    this.pen.setTransform(dpr, 0, 0, dpr, 0, 0)
    const settling = new Map<string, number>()
    for (const [id, since] of this.settling) {
      const done = (begun - since) / SETTLE_MS
      if (done >= 1) this.settling.delete(id)
      else settling.set(id, done)
    }
    const brush = this.tool === 'mask' && this.editable && this.pointer ? { x: this.pointer[0], y: this.pointer[1], radius: this.brush_px } : null
    this.painted.shapes = paint(this.pen, { ...this, at, document: this.document, draftLabel: this.chosen()?.label && this.tool === 'mask' ? this.chosen()!.label : this.label, brush, settling })
    this.painted.ms = performance.now() - begun
    if (settling.size) this.repaint()
  }

  /** Lays the image in the view; `whole` where all of it is meant, also on the next one. */
  look(at: Viewport, whole = false): void {
    this.at = at
    kept = { at, image: { width: this.width, height: this.height }, fitted: whole }
    this.ask()
  }

  fit = (): void => this.look(fitted(this.document, this.view), true)

  /** Nearer (above 1) or farther, around the pointer or the middle. */
  zoom(factor: number, at: Point = [this.view.width / 2, this.view.height / 2]): void {
    this.look(zoomed(this.at, factor, at[0], at[1], this.document, this.view))
  }

  /** Brings the chosen object close. */
  zoomToChosen(): void {
    const box = this.chosen() && bounds(this.chosen()!)
    if (box) this.look(around(box, this.view))
  }

  pan(dx: number, dy: number): void {
    this.look(panned(this.at, dx, dy, this.document, this.view))
  }

  chosen(): Labelled | undefined {
    return this.selected ? this.document.objects.get(this.selected) : undefined
  }

  select(id: string, reveal = false): void {
    if (this.selected !== id) {
      this.selected = id
      this.tell()
    }
    const box = reveal && this.chosen() ? bounds(this.chosen()!) : null
    if (box) {
      const [x0, y0] = [box.x * this.at.scale + this.at.x, box.y * this.at.scale + this.at.y]
      const [x1, y1] = [x0 + box.width * this.at.scale, y0 + box.height * this.at.scale]
      if (x0 < 0 || y0 < 0 || x1 > this.view.width || y1 > this.view.height) {
        const fits = box.width * this.at.scale < this.view.width && box.height * this.at.scale < this.view.height
        this.look(fits ? { scale: this.at.scale, x: this.view.width / 2 - (box.x + box.width / 2) * this.at.scale, y: this.view.height / 2 - (box.y + box.height / 2) * this.at.scale } : around(box, this.view))
      }
    }
    this.repaint()
  }

  /** The next or previous object, brought in sight. */
  step(by: 1 | -1): void {
    const ids = [...this.document.objects.keys()].filter((id) => id !== '')
    if (!ids.length) return
    const now = ids.indexOf(this.selected)
    this.select(ids[now < 0 ? (by > 0 ? 0 : ids.length - 1) : (now + by + ids.length) % ids.length]!, true)
  }

  setTool(tool: ToolName): void {
    this.cancel()
    // What is drawn next is new: the class keys must not change what was chosen before. A chosen mask is painted on.
    if (tool !== 'select' && !(tool === 'mask' && this.chosen()?.geometry_type === 'mask')) this.selected = ''
    this.tool = tool
    this.canvas.style.cursor = this.editable ? TOOLS[tool].cursor : 'default'
    this.repaint()
    this.tell()
  }

  /** The class for what is drawn next; a chosen object takes it at once. */
  setLabel(label: string): void {
    this.label = label
    if (this.wholeImage && this.editable) {
      const stood = this.document.objects.get('')
      const said = { label, basis: stood ? 'corrected' : 'drawn', author: this.actor, author_kind: 'person' }
      const fresh = { id: '', revision: 0, attributes: {}, score: null, made_at: '', geometry_type: 'class', geometry: {} } as const
      return this.document.put({ ...(stood ?? fresh), ...said } as Labelled, `The image is ${label}`)
    }
    const one = this.chosen()
    if (one && this.editable && one.label !== label) this.document.put(corrected(one, { label }), `${one.label} is ${label}`)
    else this.tell()
  }

  toggleHidden(): void {
    this.hidden = !this.hidden
    this.repaint()
    this.tell()
  }

  /** Accepts the chosen proposal and goes to the next one; with `all`, accepts every one. */
  accept(all = this.wholeImage): void {
    const open = [...this.document.objects.values()].filter(suggested).map((one) => one.id)
    const ids = all ? open : open.includes(this.selected) ? [this.selected] : []
    if (!ids.length) return all ? undefined : this.select(open[0] ?? '', true)
    if (!matchMedia('(prefers-reduced-motion: reduce)').matches) for (const id of ids) this.settling.set(id, performance.now())
    this.document.accept(ids)
    if (!all) this.select(open[open.indexOf(ids[0]!) + 1] ?? open.find((id) => id !== ids[0]) ?? ids[0]!, true)
  }

  /** Rejects the chosen proposal, removes the chosen object, or takes out the vertex under the pointer's handle. */
  discard(): void {
    const one = this.chosen()
    if (!one || !this.editable) return
    const ids = [...this.document.objects.keys()]
    const next = ids[ids.indexOf(one.id) + 1] ?? ids[ids.indexOf(one.id) - 1] ?? ''
    this.document.remove([one.id], suggested(one) ? `Rejected ${one.label}` : `Removed ${one.label}`)
    this.select(next, true)
  }

  nudge(dx: number, dy: number): void {
    const one = this.chosen()
    if (!one || !this.editable) return this.pan(-dx * 40, -dy * 40)
    const there = moved(one as Shape, dx, dy, this.width, this.height)
    if (there !== (one as Shape)) this.document.put(corrected(one, there), `Moved ${one.label}`)
  }

  /** Visible, hidden, not labelled: a joint of the chosen skeleton goes round. */
  toggleJoint(at: number): void {
    const one = this.chosen()
    if (one?.geometry_type !== 'keypoints') return
    const points = one.geometry.points.map((joint, index): Joint => (index === at ? [joint[0], joint[1], joint[2] === 2 ? 1 : joint[2] === 1 ? 0 : 2] : joint))
    this.document.put(corrected(one, { geometry_type: 'keypoints', geometry: { points } } as Partial<Labelled>), 'Changed a joint')
  }

  /** Ends what is being drawn; false where nothing was. */
  finish(): boolean {
    if (!this.draft || !TOOLS[this.tool].finish) return false
    TOOLS[this.tool].finish!(this)
    return true
  }

  /** Takes back the last vertex of what is being drawn; false where nothing was. */
  back(): boolean {
    const { draft } = this
    if (draft?.geometry_type === 'polygon') draft.geometry.rings[0]!.length > 1 ? draft.geometry.rings[0]!.pop() : (this.draft = null)
    else if (draft?.geometry_type === 'polyline' || draft?.geometry_type === 'keypoints') draft.geometry.points.length > 1 ? draft.geometry.points.pop() : (this.draft = null)
    else return false
    this.repaint()
    return true
  }

  /** Drops what is being drawn or dragged; false where nothing was. */
  cancel(): boolean {
    const had = this.draft !== null || this.grip !== null
    const grip = this.grip
    this.grip = null
    this.draft = null
    this.rubber = null
    this.base = null
    this.tiles = null
    grip?.cancel()
    this.repaint()
    return had
  }

  private leave(): void {
    this.pointer = null
    this.hover = ''
    this.repaint()
  }

  private place(event: MouseEvent): Point {
    const { left, top } = this.host.getBoundingClientRect()
    return [event.clientX - left, event.clientY - top]
  }

  /** A press that moves the image. */
  panning(event: PointerEvent): Grip {
    let last = this.place(event)
    return {
      move: (_, now) => {
        const place = this.place(now)
        this.pan(place[0] - last[0], place[1] - last[1])
        last = place
      },
      up: () => {},
      cancel: () => {},
    }
  }

  private onDown = (event: PointerEvent): void => {
    if (this.grip || event.button > 1) return
    this.host.focus({ preventScroll: true })
    this.canvas.setPointerCapture(event.pointerId)
    const place = this.place(event)
    const p = toImage(this.at, ...place)
    const pans = event.button === 1 || this.space
    if (pans) event.preventDefault()
    this.grip = pans ? this.panning(event) : TOOLS[this.editable ? this.tool : 'select'].down(this, p, event)
  }

  private onMove = (event: PointerEvent): void => {
    const p = toImage(this.at, ...this.place(event))
    this.pointer = p
    if (this.grip) {
      this.grip.move(p, event)
      if (this.tool === 'mask') this.repaint()
    } else TOOLS[this.editable ? this.tool : 'select'].hover?.(this, p)
  }

  private onUp = (event: PointerEvent): void => {
    const grip = this.grip
    this.grip = null
    grip?.up(toImage(this.at, ...this.place(event)))
  }

  private onDouble = (event: MouseEvent): void => TOOLS[this.editable ? this.tool : 'select'].double?.(this, toImage(this.at, ...this.place(event)))

  /** Ctrl or a mouse wheel zooms to the pointer, two fingers on a trackpad pan, Shift changes the brush. */
  private onWheel = (event: WheelEvent): void => {
    event.preventDefault()
    if (event.shiftKey && this.tool === 'mask') {
      this.brush_px = Math.min(400, Math.max(1, this.brush_px * Math.exp(-(event.deltaY || event.deltaX) * 0.002)))
      this.repaint()
      return this.tell()
    }
    const lines = event.deltaMode === 1 ? 16 : 1
    const wheel = event.deltaMode === 1 || (event.deltaX === 0 && Math.abs(event.deltaY) >= 50 && Number.isInteger(event.deltaY))
    if (event.ctrlKey || event.metaKey || wheel) this.zoom(Math.exp(-event.deltaY * lines * (event.ctrlKey && !wheel ? 0.01 : 0.0015)), this.place(event))
    else this.pan(-event.deltaX * lines, -event.deltaY * lines)
  }

  private onSpace = (event: KeyboardEvent): void => {
    if (event.key !== ' ' || (event.target instanceof HTMLElement && event.target.closest('input, textarea, button, a, [role=dialog]'))) return
    this.space = event.type === 'keydown'
    this.canvas.style.cursor = this.space ? 'grab' : TOOLS[this.tool].cursor
    event.preventDefault()
  }
}
