/** Which samples of an evaluation a number stands for; in an address as `cell=gt:ok,pred:defect`. */
export type Chosen = {
  /** True class, predicted class. */
  gt?: string
  pred?: string
  /** A slice: the facet and its value. */
  slice?: [string, string]
  right?: boolean
  /** Confidence of the prediction, from (inclusive) and to. */
  conf?: [number, number]
  /** A class, and the least score that it got. */
  above?: [string, number]
}

export type Results = { classes: readonly string[]; label: readonly string[]; predicted: readonly string[]; probabilities: readonly (readonly number[])[]; samples: readonly string[]; slices: Readonly<Record<string, readonly string[]>> }

const pair = (a: string, b: string | number) => `${encodeURIComponent(a)}=${encodeURIComponent(b)}`

/** The text that an address carries. */
export function cellText(chosen: Chosen): string {
  const parts: string[] = []
  if (chosen.gt !== undefined) parts.push(`gt:${encodeURIComponent(chosen.gt)}`)
  if (chosen.pred !== undefined) parts.push(`pred:${encodeURIComponent(chosen.pred)}`)
  if (chosen.slice) parts.push(`slice:${pair(...chosen.slice)}`)
  if (chosen.right !== undefined) parts.push(`right:${chosen.right ? 1 : 0}`)
  if (chosen.conf) parts.push(`conf:${chosen.conf[0]}-${chosen.conf[1]}`)
  if (chosen.above) parts.push(`above:${pair(...chosen.above)}`)
  return parts.join(',') || 'all'
}

/** What an address chose; parts that it does not understand are left out. */
export function cellOf(text: string | undefined): Chosen | null {
  if (!text) return null
  const chosen: Chosen = {}
  for (const part of text.split(',')) {
    const [name, raw = ''] = [part.slice(0, part.indexOf(':')), part.slice(part.indexOf(':') + 1)]
    const two = raw.split('=').map(plain)
    if (name === 'gt') chosen.gt = plain(raw)
    else if (name === 'pred') chosen.pred = plain(raw)
    else if (name === 'right') chosen.right = raw === '1'
    else if (name === 'slice' && two.length === 2) chosen.slice = [two[0]!, two[1]!]
    else if (name === 'above' && two.length === 2 && Number.isFinite(Number(two[1]))) chosen.above = [two[0]!, Number(two[1])]
    else if (name === 'conf') {
      const [from, to] = raw.split('-').map(Number)
      if (Number.isFinite(from) && Number.isFinite(to)) chosen.conf = [from!, to!]
    }
  }
  return chosen
}

function plain(raw: string): string {
  try {
    return decodeURIComponent(raw)
  } catch {
    return raw
  }
}

/** The model's probability of the class that it named. */
export const confidenceOf = (results: Results, at: number): number => results.probabilities[at]?.[results.classes.indexOf(results.predicted[at]!)] ?? 0

/** Places in the results that are meant, the most surely wrong first. */
export function placesOf(results: Results, chosen: Chosen): number[] {
  const slice = chosen.slice && results.slices[chosen.slice[0]]
  const above = chosen.above && results.classes.indexOf(chosen.above[0])
  const found: number[] = []
  for (let at = 0; at < results.samples.length; at++) {
    if (chosen.gt !== undefined && results.label[at] !== chosen.gt) continue
    if (chosen.pred !== undefined && results.predicted[at] !== chosen.pred) continue
    if (chosen.slice && slice?.[at] !== chosen.slice[1]) continue
    if (chosen.right !== undefined && (results.label[at] === results.predicted[at]) !== chosen.right) continue
    if (chosen.above && !((results.probabilities[at]?.[above!] ?? -1) >= chosen.above[1])) continue
    if (chosen.conf) {
      const confidence = confidenceOf(results, at)
      if (confidence < chosen.conf[0] || (confidence >= chosen.conf[1] && chosen.conf[1] < 1)) continue
    }
    found.push(at)
  }
  const wrongness = (at: number) => (results.label[at] === results.predicted[at] ? -1 : 1) * confidenceOf(results, at)
  return found.sort((a, b) => wrongness(b) - wrongness(a))
}

/** The choice in words. */
export function chosenText(chosen: Chosen): string {
  const parts: string[] = []
  if (chosen.gt !== undefined) parts.push(`labelled ${chosen.gt}`)
  if (chosen.pred !== undefined) parts.push(`predicted ${chosen.pred}`)
  if (chosen.right !== undefined) parts.push(chosen.right ? 'right' : 'wrong')
  if (chosen.above) parts.push(`${chosen.above[0]} at ${chosen.above[1].toFixed(2)} or more`)
  if (chosen.conf) parts.push(`confidence ${Math.round(chosen.conf[0] * 100)} to ${Math.round(chosen.conf[1] * 100)} %`)
  if (chosen.slice) parts.push(`${chosen.slice[0]} ${chosen.slice[1]}`)
  return parts.join(', ') || 'all test samples'
}
