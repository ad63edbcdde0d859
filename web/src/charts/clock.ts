/** Ranges of time as addresses carry them: a preset ("15m", "1h", "24h", "7d") in `from`, or two ISO moments. */
export const PRESETS = [
  { value: '15m', label: '15 min', s: 900 },
  { value: '1h', label: '1 h', s: 3600 },
  { value: '24h', label: '24 h', s: 86_400 },
  { value: '7d', label: '7 d', s: 604_800 },
  { value: 'all', label: 'All', s: 0 },
] as const

export type Preset = (typeof PRESETS)[number]['value'] | 'custom'

export type Range = { preset: Preset; from?: string; to?: string }

/** The range that an address names; what it does not understand is everything. */
export function rangeOf(from: string | undefined, to: string | undefined, now: number): Range {
  const preset = PRESETS.find((one) => one.value === from && one.s > 0)
  if (preset) return { preset: preset.value, from: new Date(now - preset.s * 1000).toISOString(), to: new Date(now).toISOString() }
  const begin = from ? Date.parse(from) : NaN
  const end = to ? Date.parse(to) : NaN
  if (Number.isNaN(begin) && Number.isNaN(end)) return { preset: 'all' }
  return { preset: 'custom', ...(Number.isNaN(begin) ? {} : { from: new Date(begin).toISOString() }), ...(Number.isNaN(end) ? {} : { to: new Date(end).toISOString() }) }
}

const two = (n: number) => String(n).padStart(2, '0')
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** A tick's text for a span of so many seconds: seconds, minutes or days; the day stands under the first tick and where it changes. */
export function tickTexts(ticks_s: readonly number[], span_s: number): string[] {
  let day = ''
  return ticks_s.map((s) => {
    const at = new Date(s * 1000)
    const date = `${at.getDate()} ${MONTHS[at.getMonth()]}`
    if (span_s > 3 * 86_400) return date
    const time = `${two(at.getHours())}:${two(at.getMinutes())}${span_s < 600 ? `:${two(at.getSeconds())}` : ''}`
    const text = date === day ? time : `${time}\n${date}`
    day = date
    return text
  })
}

/** The moment under the crosshair, to the second. */
export function momentText(s: number): string {
  const at = new Date(s * 1000)
  return `${at.getDate()} ${MONTHS[at.getMonth()]}, ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`
}

/** A number with as many places as its size needs. */
export function shortNumber(value: number | null | undefined): string {
  if (value == null || Number.isNaN(value)) return '–'
  const size = Math.abs(value)
  if (size >= 100 || Number.isInteger(value)) return Math.round(value).toLocaleString('en')
  return size >= 10 ? value.toFixed(1) : size >= 1 ? value.toFixed(2) : size === 0 ? '0' : value.toPrecision(2)
}

/** The y range of a chart: the fixed one, else from 0 (or the least value) to a bit above the greatest, thresholds included. */
export function yRange(low: number | null, high: number | null, thresholds: readonly number[], fixed?: readonly [number, number]): [number, number] {
  if (fixed) return [fixed[0], fixed[1]]
  const least = Math.min(0, low ?? 0, ...thresholds)
  const most = Math.max(high ?? 1, ...thresholds, least)
  const room = (most - least || 1) * 0.08
  return [least < 0 ? least - room : 0, most + room]
}
