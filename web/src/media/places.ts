/** Places on a map: fitted into a square, cut out with a lasso, grouped, and looked up. */

/** The places in [-1, 1] squared, their shape kept; a few far ones do not press the rest together. */
export function squared(x: ArrayLike<number>, y: ArrayLike<number>): Float32Array {
  const count = x.length
  const places = new Float32Array(2 * count)
  if (!count) return places
  const ends = (values: ArrayLike<number>): [number, number] => {
    const sorted = Float64Array.from(values).sort()
    return [sorted[Math.floor(0.002 * (count - 1))]!, sorted[Math.ceil(0.998 * (count - 1))]!]
  }
  const [left, right] = ends(x)
  const [low, high] = ends(y)
  const half = Math.max(right - left, high - low, 1e-9) / 2
  for (let at = 0; at < count; at++) {
    places[2 * at] = (x[at]! - (left + right) / 2) / half
    places[2 * at + 1] = (y[at]! - (low + high) / 2) / half
  }
  return places
}

/** Which places lie inside a closed line (even-odd rule); `line` is x, y in pairs. */
export function inside(places: Float32Array, line: readonly number[]): Uint32Array {
  const corners = line.length / 2
  if (corners < 3) return new Uint32Array(0)
  let [left, right, low, high] = [Infinity, -Infinity, Infinity, -Infinity]
  for (let at = 0; at < corners; at++) {
    left = Math.min(left, line[2 * at]!)
    right = Math.max(right, line[2 * at]!)
    low = Math.min(low, line[2 * at + 1]!)
    high = Math.max(high, line[2 * at + 1]!)
  }
  const found: number[] = []
  for (let one = 0; one < places.length / 2; one++) {
    const px = places[2 * one]!
    const py = places[2 * one + 1]!
    if (px < left || px > right || py < low || py > high) continue
    let within = false
    for (let at = 0, before = corners - 1; at < corners; before = at++) {
      const ay = line[2 * at + 1]!
      const by = line[2 * before + 1]!
      if (ay > py !== by > py && px < ((line[2 * before]! - line[2 * at]!) * (py - ay)) / (by - ay) + line[2 * at]!) within = !within
    }
    if (within) found.push(one)
  }
  return Uint32Array.from(found)
}

/** The place nearest to a point within a distance, or -1; `allowed` says which count. */
export function nearest(places: Float32Array, x: number, y: number, within: number, allowed: (one: number) => boolean): number {
  let best = -1
  let far = within * within
  for (let one = 0; one < places.length / 2; one++) {
    const dx = places[2 * one]! - x
    const dy = places[2 * one + 1]! - y
    const distance = dx * dx + dy * dy
    if (distance <= far && allowed(one)) {
      far = distance
      best = one
    }
  }
  return best
}

export type Clusters = { of: Uint8Array; middles: Float32Array; sizes: Uint32Array }

/**
 * Groups of places: k-means (Lloyd 1982) from starts that lie far from each other, the same each time.
 * Only places with a finite position count.
 */
export function clusters(places: Float32Array, k: number, rounds = 12): Clusters {
  const count = places.length / 2
  k = Math.min(k, count)
  const middles = new Float32Array(2 * k)
  const of = new Uint8Array(count)
  const far = new Float64Array(count).fill(Infinity)
  const step = Math.max(1, Math.floor(count / 5000))
  let start = 0
  for (let group = 0; group < k; group++) {
    middles[2 * group] = places[2 * start]!
    middles[2 * group + 1] = places[2 * start + 1]!
    let most = -1
    for (let one = 0; one < count; one += step) {
      const dx = places[2 * one]! - middles[2 * group]!
      const dy = places[2 * one + 1]! - middles[2 * group + 1]!
      far[one] = Math.min(far[one]!, dx * dx + dy * dy)
      // Far-off single places make poor starts: nothing beyond the square counts.
      if (far[one]! > most && Math.abs(places[2 * one]!) <= 1 && Math.abs(places[2 * one + 1]!) <= 1) {
        most = far[one]!
        start = one
      }
    }
  }
  const sizes = new Uint32Array(k)
  for (let round = 0; round < rounds; round++) {
    const sums = new Float64Array(2 * k)
    sizes.fill(0)
    for (let one = 0; one < count; one++) {
      let best = 0
      let least = Infinity
      for (let group = 0; group < k; group++) {
        const dx = places[2 * one]! - middles[2 * group]!
        const dy = places[2 * one + 1]! - middles[2 * group + 1]!
        const distance = dx * dx + dy * dy
        if (distance < least) {
          least = distance
          best = group
        }
      }
      of[one] = best
      sizes[best]!++
      sums[2 * best]! += places[2 * one]!
      sums[2 * best + 1]! += places[2 * one + 1]!
    }
    for (let group = 0; group < k; group++) {
      if (!sizes[group]) continue
      middles[2 * group] = sums[2 * group]! / sizes[group]!
      middles[2 * group + 1] = sums[2 * group + 1]! / sizes[group]!
    }
  }
  return { of, middles, sizes }
}
