/** Interval of a share, 95 %. SOURCE: Wilson 1927, JASA 22(158). */
export function wilson(hits: number, n: number, z = 1.959964): [number, number] {
  if (n === 0) return [0, 1]
  const p = hits / n
  const centre = (p + (z * z) / (2 * n)) / (1 + (z * z) / n)
  const half = (z / (1 + (z * z) / n)) * Math.sqrt((p * (1 - p)) / n + (z * z) / (4 * n * n))
  return [Math.max(0, centre - half), Math.min(1, centre + half)]
}

export type PrPoint = { threshold: number; precision: number; recall: number; hits: number; named: number; limits: [number, number] }

/** Precision and recall of one class at every distinct score, highest first; `limits` hold precision. */
export function prCurve(scores: readonly number[], truth: readonly boolean[]): PrPoint[] {
  const order = scores.map((_, at) => at).sort((a, b) => scores[b]! - scores[a]!)
  const positives = truth.filter(Boolean).length
  const points: PrPoint[] = []
  let hits = 0
  order.forEach((at, rank) => {
    if (truth[at]) hits++
    const next = order[rank + 1]
    if (next !== undefined && scores[next] === scores[at]) return
    const named = rank + 1
    points.push({ threshold: scores[at]!, precision: hits / named, recall: positives ? hits / positives : 0, hits, named, limits: wilson(hits, named) })
  })
  return points
}

/** The mean precision over the steps of recall. SOURCE: Salton and McGill 1983, without interpolation. */
export function averagePrecision(points: readonly PrPoint[]): number {
  let before = 0
  let sum = 0
  for (const point of points) {
    sum += (point.recall - before) * point.precision
    before = point.recall
  }
  return sum
}

/** At most `most` points that keep the curve's shape: the ends and those evenly spread over recall. */
export function thinned(points: readonly PrPoint[], most: number): PrPoint[] {
  if (points.length <= most) return [...points]
  return Array.from({ length: most }, (_, at) => points[Math.round((at * (points.length - 1)) / (most - 1))]!)
}

export type CalibrationBin = { from: number; to: number; n: number; confidence: number; right: number; limits: [number, number] }

/** How often the model is right in bins of its confidence; empty bins are left out. */
export function calibration(confidence: readonly number[], right: readonly boolean[], bins = 10): CalibrationBin[] {
  const found = Array.from({ length: bins }, () => ({ n: 0, sum: 0, hits: 0 }))
  confidence.forEach((value, at) => {
    const bin = found[Math.min(bins - 1, Math.floor(value * bins))]!
    bin.n++
    bin.sum += value
    if (right[at]) bin.hits++
  })
  return found.flatMap((bin, at) => (bin.n ? [{ from: at / bins, to: (at + 1) / bins, n: bin.n, confidence: bin.sum / bin.n, right: bin.hits / bin.n, limits: wilson(bin.hits, bin.n) }] : []))
}

/** Counts in `bins` equal bins over [from, to]; the last bin holds its upper end. */
export function histogram(values: readonly number[], bins: number, from: number, to: number): number[] {
  const counts = new Array<number>(bins).fill(0)
  for (const value of values) {
    if (!(value >= from && value <= to)) continue
    counts[Math.min(bins - 1, Math.floor(((value - from) / (to - from || 1)) * bins))]!++
  }
  return counts
}

/** Rows are true classes, columns are predicted ones. */
export function confusion(classes: readonly string[], label: readonly string[], predicted: readonly string[], among?: readonly number[]): number[][] {
  const place = new Map(classes.map((name, at) => [name, at]))
  const matrix = classes.map(() => classes.map(() => 0))
  const count = (at: number) => {
    const row = place.get(label[at]!)
    const column = place.get(predicted[at]!)
    if (row !== undefined && column !== undefined) matrix[row]![column]!++
  }
  if (among) among.forEach(count)
  else label.forEach((_, at) => count(at))
  return matrix
}

export type ClassRow = { name: string; n: number; named: number; precision: number | null; recall: number | null; f1: number | null; precisionLimits: [number, number]; recallLimits: [number, number] }

/** Precision and recall of each class, with the interval of each share. */
export function byClass(classes: readonly string[], matrix: readonly (readonly number[])[]): ClassRow[] {
  return classes.map((name, at) => {
    const hits = matrix[at]![at]!
    const n = matrix[at]!.reduce((sum, value) => sum + value, 0)
    const named = matrix.reduce((sum, row) => sum + row[at]!, 0)
    const precision = named ? hits / named : null
    const recall = n ? hits / n : null
    const f1 = n + named ? (2 * hits) / (n + named) : null
    return { name, n, named, precision, recall, f1, precisionLimits: wilson(hits, named), recallLimits: wilson(hits, n) }
  })
}
