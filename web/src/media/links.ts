/** What a link's `f` says: values of a facet ('' for none), or [low, high] of a number. */
export type Filters = Readonly<Record<string, readonly string[] | readonly [number, number]>>

export const isRange = (wanted: Filters[string] | undefined): wanted is readonly [number, number] => wanted?.length === 2 && typeof wanted[0] === 'number'

const RANGE = /^(-?[\d.]+(?:e[-+]?\d+)?)\.\.(-?[\d.]+(?:e[-+]?\d+)?)$/
/** What separates is escaped within a name or a value, and so is the dot of a text that reads like a range. */
const escaped = (text: string): string => (RANGE.test(text) ? text.replaceAll('.', '%2E') : text).replace(/[:,;]|%(?!2E)/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`)
const plain = (text: string): string => text.replace(/%([0-9A-F]{2})/g, (_, code: string) => String.fromCharCode(parseInt(code, 16)))

/** The filters that a link carries, `label:ok,defect;brightness:0.1..0.4`, or as JSON in old links; what cannot be read is left out. */
export function readFilters(text: string | undefined): Filters {
  if (!text) return {}
  if (text.startsWith('{')) return ofJson(text)
  const found: Record<string, Filters[string]> = {}
  for (const part of text.split(';')) {
    const at = part.indexOf(':')
    if (at < 1) continue
    const said = part.slice(at + 1)
    const range = RANGE.exec(said)
    found[plain(part.slice(0, at))] = range ? [Number(range[1]), Number(range[2])] : said.split(',').map(plain)
  }
  return found
}

/** The filters as a link carries them; nothing where there is none. */
export function writeFilters(filters: Filters): string | undefined {
  const kept = Object.entries(filters).filter(([, wanted]) => wanted.length)
  return kept.map(([name, wanted]) => `${escaped(name)}:${isRange(wanted) ? wanted.join('..') : (wanted as readonly string[]).map(escaped).join(',')}`).join(';') || undefined
}

function ofJson(text: string): Filters {
  try {
    const found: Record<string, Filters[string]> = {}
    for (const [name, wanted] of Object.entries(JSON.parse(text) as Record<string, unknown>)) {
      const list: unknown[] = Array.isArray(wanted) ? wanted : [wanted]
      const values = list.filter((one) => one === null || ['string', 'number', 'boolean'].includes(typeof one)).map((one) => (one === null ? '' : String(one)))
      if (list.length === 2 && list.every((one) => typeof one === 'number')) found[name] = list as [number, number]
      else if (values.length) found[name] = values
    }
    return found
  } catch {
    return {}
  }
}
