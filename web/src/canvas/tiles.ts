import { decodeRuns, writeRuns, type Mask } from './rle'

export const TILE = 256

/** A mask being painted: only the tiles that a brush has touched exist, each of 256 x 256 bytes. */
export class Tiles {
  readonly tiles = new Map<number, Uint8Array>()
  /** Tiles that changed since `changed` was last emptied by who draws them. */
  readonly changed = new Set<number>()
  private readonly across: number

  constructor(
    readonly width: number,
    readonly height: number,
  ) {
    this.across = Math.ceil(width / TILE)
  }

  static of(mask: Mask): Tiles {
    const made = new Tiles(mask.size[1], mask.size[0])
    decodeRuns(mask).each((x, from, to) => made.column(x, from, to, 1))
    return made
  }

  /** Where a tile lies on the image. */
  origin(key: number): [number, number] {
    return [(key % this.across) * TILE, Math.floor(key / this.across) * TILE]
  }

  /** Paints (1) or wipes (0) a round brush drawn from one point to another. */
  stroke(a: readonly [number, number], b: readonly [number, number], radius: number, value: 0 | 1): void {
    const steps = Math.max(1, Math.ceil(Math.hypot(b[0] - a[0], b[1] - a[1]) / Math.max(1, radius / 2)))
    for (let step = 0; step <= steps; step++) this.stamp(a[0] + ((b[0] - a[0]) * step) / steps, a[1] + ((b[1] - a[1]) * step) / steps, radius, value)
  }

  private stamp(cx: number, cy: number, radius: number, value: 0 | 1): void {
    for (let x = Math.max(0, Math.ceil(cx - radius - 0.5)); x <= Math.min(this.width - 1, Math.floor(cx + radius - 0.5)); x++) {
      const reach = Math.sqrt(Math.max(0, radius * radius - (x + 0.5 - cx) ** 2))
      this.column(x, Math.max(0, Math.round(cy - reach)), Math.min(this.height, Math.round(cy + reach)), value)
    }
  }

  private column(x: number, from: number, to: number, value: 0 | 1): void {
    const tx = Math.floor(x / TILE)
    for (let y = from; y < to; ) {
      const ty = Math.floor(y / TILE)
      const end = Math.min(to, (ty + 1) * TILE)
      const key = ty * this.across + tx
      let tile = this.tiles.get(key)
      if (!tile && value) this.tiles.set(key, (tile = new Uint8Array(TILE * TILE)))
      if (tile) {
        for (let at = y; at < end; at++) tile[(at - ty * TILE) * TILE + (x - tx * TILE)] = value
        this.changed.add(key)
      }
      y = end
    }
  }

  /** The whole as a compressed mask; null where nothing is painted. Columns without a tile cost nothing. */
  encode(): Mask | null {
    const runs: number[] = []
    let [length, last, any] = [0, 0, false]
    const run = (value: number, times: number): void => {
      if (value !== last) {
        runs.push(length)
        length = 0
        last = value
      }
      length += times
    }
    const down = Math.ceil(this.height / TILE)
    for (let tx = 0; tx < this.across; tx++) {
      const columns = Math.min(TILE, this.width - tx * TILE)
      const stack = Array.from({ length: down }, (_, ty) => this.tiles.get(ty * this.across + tx))
      if (stack.every((tile) => !tile)) {
        run(0, columns * this.height)
        continue
      }
      for (let x = 0; x < columns; x++) {
        for (let ty = 0; ty < down; ty++) {
          const rows = Math.min(TILE, this.height - ty * TILE)
          const tile = stack[ty]
          if (!tile) run(0, rows)
          else {
            for (let y = 0; y < rows; y++) {
              const value = tile[y * TILE + x]!
              if (value) any = true
              run(value, 1)
            }
          }
        }
      }
    }
    runs.push(length)
    return any ? { size: [this.height, this.width], counts: writeRuns(runs) } : null
  }
}
