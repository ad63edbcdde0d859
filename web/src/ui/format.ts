const INTEGER = new Intl.NumberFormat('en', { maximumFractionDigits: 0 })
const TIME = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' })
const DAY = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', year: 'numeric' })

export const count = (n: number | null | undefined): string => (n == null ? '–' : INTEGER.format(n))
export const percent = (share: number | null | undefined, digits = 1): string => (share == null || Number.isNaN(share) ? '–' : `${(100 * share).toFixed(digits)} %`)
export const decimal = (n: number | null | undefined, digits = 3): string => (n == null || Number.isNaN(n) ? '–' : n.toFixed(digits))

export function bytes(n: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  let at = 0
  for (; n >= 1000 && at < units.length - 1; at++) n /= 1000
  return `${n < 10 && at > 0 ? n.toFixed(1) : Math.round(n)} ${units[at]}`
}

/** Seconds as "850 ms", "12 s", "3 min", "2.5 h". */
export function span(s: number): string {
  if (s < 1) return `${Math.round(s * 1000)} ms`
  if (s < 90) return `${Math.round(s)} s`
  if (s < 5400) return `${Math.round(s / 60)} min`
  return s < 172_800 ? `${(s / 3600).toFixed(1)} h` : `${Math.round(s / 86_400)} days`
}

/** A moment as "12 s ago" while it is fresh, then as a date; the full time belongs in the title. */
export function ago(iso: string | null | undefined, now = Date.now()): string {
  if (!iso) return '–'
  const s = (now - Date.parse(iso)) / 1000
  if (s < 2) return 'now'
  return s < 86_400 ? `${span(s)} ago` : DAY.format(new Date(iso))
}

export const moment = (iso: string | null | undefined): string => (iso ? `${DAY.format(new Date(iso))}, ${TIME.format(new Date(iso))}` : '–')
