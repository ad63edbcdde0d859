import type { Rect } from './shapes'

/** Which shapes lie near a place: a grid over the image; what covers more than 64 of its cells is kept in one list. */
export class Spatial {
  private readonly cell: number
  private readonly across: number
  private readonly cells = new Map<number, Set<string>>()
  private readonly large = new Set<string>()
  private readonly where = new Map<string, Rect>()

  constructor(width: number, height: number) {
    this.cell = Math.max(16, Math.max(width, height) / 64)
    this.across = Math.ceil(width / this.cell) + 2
  }

  put(id: string, rect: Rect | null): void {
    this.remove(id)
    if (!rect) return
    this.where.set(id, rect)
    const keys = this.covered(rect)
    if (!keys) this.large.add(id)
    else for (const key of keys) (this.cells.get(key) ?? this.cells.set(key, new Set()).get(key)!).add(id)
  }

  remove(id: string): void {
    const rect = this.where.get(id)
    if (!rect) return
    this.where.delete(id)
    this.large.delete(id)
    for (const key of this.covered(rect) ?? []) this.cells.get(key)?.delete(id)
  }

  rect(id: string): Rect | undefined {
    return this.where.get(id)
  }

  /** The ids of all shapes whose bounds touch the rectangle. */
  within(asked: Rect): Set<string> {
    const found = new Set<string>()
    const take = (id: string): void => {
      const one = this.where.get(id)!
      if (one.x <= asked.x + asked.width && one.y <= asked.y + asked.height && one.x + one.width >= asked.x && one.y + one.height >= asked.y) found.add(id)
    }
    const keys = this.covered(asked, this.cells.size)
    if (!keys) for (const id of this.where.keys()) take(id)
    else {
      for (const key of keys) for (const id of this.cells.get(key) ?? []) take(id)
      for (const id of this.large) take(id)
    }
    return found
  }

  /** The cells that a rectangle touches; null where they are more than `most`. */
  private covered(rect: Rect, most = 64): number[] | null {
    const [x0, y0] = [Math.floor(rect.x / this.cell), Math.floor(rect.y / this.cell)]
    const [x1, y1] = [Math.floor((rect.x + rect.width) / this.cell), Math.floor((rect.y + rect.height) / this.cell)]
    if ((x1 - x0 + 1) * (y1 - y0 + 1) > most) return null
    const keys: number[] = []
    for (let y = y0; y <= y1; y++) for (let x = x0; x <= x1; x++) keys.push((y + 1) * this.across + x + 1)
    return keys
  }
}
