import type { Column, Sheet } from '@/media/columns'
import type { Clusters } from '@/media/places'
import { hue } from '@/ui/marks'
import type { Caption } from './map-canvas'
import { count, percent } from '@/ui/format'
import { valued } from './names'

export type Legend = { value: string; text: string; colour: string; rows: number }
type Rgb = readonly [number, number, number]

const hex = (colour: string): Rgb => [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16)) as unknown as Rgb

/** A colour for each place, by a column's texts, by how high its number is, or by its group; with a legend. */
export function painted(sheet: Sheet, rows: Int32Array, by: string, groups: Clusters, colourOf: (value: string, at: number) => string, faint: Rgb, strong: Rgb): { colours: Uint8Array; legend: Legend[] } {
  const colours = new Uint8Array(3 * rows.length)
  const put = (at: number, [red, green, blue]: Rgb) => {
    colours[3 * at] = red
    colours[3 * at + 1] = green
    colours[3 * at + 2] = blue
  }
  const column = sheet.columns.get(by)
  if (by === 'cluster') {
    const palette = Array.from({ length: groups.sizes.length }, (_, at) => hue(at))
    const triples = palette.map(hex)
    for (let at = 0; at < rows.length; at++) put(at, triples[groups.of[at]!]!)
    return { colours, legend: palette.map((colour, at) => ({ value: String(at), text: `Group ${at + 1}`, colour, rows: groups.sizes[at]! })) }
  }
  if (column?.kind === 'numbers') {
    let [low, high] = [Infinity, -Infinity]
    for (const row of rows) {
      const value = column.values[row]!
      if (value < low) low = value
      if (value > high) high = value
    }
    for (let at = 0; at < rows.length; at++) {
      const value = column.values[rows[at]!]!
      const share = Number.isNaN(value) ? -1 : high > low ? (value - low) / (high - low) : 1
      put(at, share < 0 ? faint : (faint.map((one, channel) => Math.round(one + share * (strong[channel]! - one))) as unknown as Rgb))
    }
    return { colours, legend: [] }
  }
  if (column?.kind !== 'texts') {
    for (let at = 0; at < rows.length; at++) put(at, faint)
    return { colours, legend: [] }
  }
  const sizes = new Uint32Array(column.values.length + 1)
  const palette = column.values.map((value, at) => colourOf(value, at))
  const triples = palette.map(hex)
  for (let at = 0; at < rows.length; at++) {
    const code = column.codes[rows[at]!]!
    sizes[code < 0 ? column.values.length : code]!++
    put(at, code < 0 ? faint : triples[code]!)
  }
  const legend = [...column.values.map((value, at) => ({ value, text: valued(by, value), colour: palette[at]!, rows: sizes[at]! })).sort((a, b) => b.rows - a.rows), { value: '', text: valued(by, ''), colour: 'var(--ink-3)', rows: sizes[column.values.length]! }]
  return { colours, legend: legend.filter((one) => one.rows) }
}

/** What stands over each group: the text that most of its places have, and how many. */
export function captioned(rows: Int32Array, groups: Clusters, column: Column | undefined, name: string): Caption[] {
  const texts = column?.kind === 'texts' ? column : null
  const width = (texts?.values.length ?? 0) + 1
  const seen = new Uint32Array(groups.sizes.length * width)
  if (texts) for (let at = 0; at < rows.length; at++) seen[groups.of[at]! * width + (texts.codes[rows[at]!]! < 0 ? width - 1 : texts.codes[rows[at]!]!)]!++
  return Array.from(groups.sizes, (size, group): Caption | null => {
    if (size < Math.max(3, rows.length * 0.01)) return null
    const own = seen.subarray(group * width, (group + 1) * width)
    const best = own.indexOf(Math.max(...own))
    const text = texts ? valued(name, best === width - 1 ? '' : texts.values[best]!) : `Group ${group + 1}`
    return { x: groups.middles[2 * group]!, y: groups.middles[2 * group + 1]!, text, sub: texts ? percent(own[best]! / size, 0) : count(size) }
  }).filter((one): one is Caption => one !== null)
}
