import type { Sheet } from '@/media/columns'

export type Arrival = { source: string; samples: number; last: string; lastDay: number; bins: Uint32Array }

const DAY_MS = 86_400_000

/** What has come in from each source: how many, when last, how many within a day of that, and how it is spread over time. */
export function arrivals(sheet: Sheet, bins = 48): { rows: Arrival[]; from: number; to: number } {
  const source = sheet.columns.get('source')
  const time = sheet.columns.get('ingested_at')
  if (source?.kind !== 'texts' || time?.kind !== 'texts') return { rows: [], from: 0, to: 0 }
  const times = Float64Array.from(time.values, (one) => Date.parse(one))
  const from = times.length ? times.reduce((a, b) => Math.min(a, b)) : 0
  const to = times.length ? times.reduce((a, b) => Math.max(a, b)) : 0
  const rows: (Arrival & { at: number })[] = [...source.values, ''].map((name) => ({ source: name, samples: 0, last: '', at: -Infinity, lastDay: 0, bins: new Uint32Array(bins) }))
  const of = (row: number) => rows[source.codes[row]! < 0 ? source.values.length : source.codes[row]!]!
  for (let row = 0; row < sheet.size; row++) {
    const one = of(row)
    one.samples++
    const code = time.codes[row]!
    if (code < 0) continue
    const at = times[code]!
    if (at > one.at) {
      one.at = at
      one.last = time.values[code]!
    }
    one.bins[to > from ? Math.min(bins - 1, Math.floor(((at - from) / (to - from)) * bins)) : bins - 1]!++
  }
  for (let row = 0; row < sheet.size; row++) if (time.codes[row]! >= 0 && times[time.codes[row]!]! > of(row).at - DAY_MS) of(row).lastDay++
  return { rows: rows.filter((one) => one.samples).sort((a, b) => b.at - a.at), from, to }
}
