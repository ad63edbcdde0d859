/** Masks as COCO compressed run lengths: column by column, zeros first, written in base 48 with deltas (cocoapi, maskApi.c). */
export type Mask = { size: [height: number, width: number]; counts: string }

/** The compressed text of run lengths. */
export function writeRuns(runs: readonly number[]): string {
  let text = ''
  for (let at = 0; at < runs.length; at++) {
    let value = runs[at]! - (at > 2 ? runs[at - 2]! : 0)
    for (let more = true; more; ) {
      let group = value & 0x1f
      value >>= 5
      more = group & 0x10 ? value !== -1 : value !== 0
      if (more) group |= 0x20
      text += String.fromCharCode(group + 48)
    }
  }
  return text
}

/** The run lengths in a compressed text. */
export function readRuns(text: string): number[] {
  const runs: number[] = []
  for (let at = 0; at < text.length; ) {
    let value = 0
    for (let shift = 0, more = true; more; shift += 5) {
      const group = text.charCodeAt(at++) - 48
      value |= (group & 0x1f) << shift
      more = (group & 0x20) !== 0 && at < text.length
      if (!more && group & 0x10 && shift + 5 < 32) value |= -1 << (shift + 5)
    }
    if (runs.length > 2) value += runs[runs.length - 2]!
    runs.push(value)
  }
  return runs
}

export type Runs = {
  bounds: { x: number; y: number; width: number; height: number } | null
  has: (x: number, y: number) => boolean
  /** Calls back with each vertical stretch of ones: its column, its first row and the row after its last. */
  each: (stretch: (x: number, from: number, to: number) => void) => void
}

const decoded = new WeakMap<Mask, Runs>()

/** A mask ready to be asked; decoded once for each value. */
export function decodeRuns(mask: Mask): Runs {
  const known = decoded.get(mask)
  if (known) return known
  const [height, width] = mask.size
  const runs = readRuns(mask.counts)
  const ends = new Uint32Array(runs.length)
  let total = 0
  for (let at = 0; at < runs.length; at++) ends[at] = total += runs[at]!
  const each: Runs['each'] = (stretch) => {
    for (let at = 1; at < ends.length; at += 2) {
      for (let from = ends[at - 1]!; from < ends[at]!; ) {
        const x = Math.floor(from / height)
        const to = Math.min(ends[at]!, (x + 1) * height)
        stretch(x, from - x * height, to - x * height)
        from = to
      }
    }
  }
  let [x0, y0, x1, y1] = [Infinity, Infinity, -1, -1]
  each((x, from, to) => {
    x0 = Math.min(x0, x)
    x1 = Math.max(x1, x)
    y0 = Math.min(y0, from)
    y1 = Math.max(y1, to)
  })
  const has = (x: number, y: number): boolean => {
    if (x < 0 || y < 0 || x >= width || y >= height) return false
    const place = x * height + y
    let [low, high] = [0, ends.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if (ends[middle]! <= place) low = middle + 1
      else high = middle
    }
    return low % 2 === 1 && low < ends.length
  }
  const answer: Runs = { bounds: x1 < 0 ? null : { x: x0, y: y0, width: x1 + 1 - x0, height: y1 - y0 }, has, each }
  decoded.set(mask, answer)
  return answer
}
