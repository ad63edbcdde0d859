import type { Sheet } from '@/media/columns'
import { hue } from '@/ui/marks'

const SPOKEN: Record<string, string> = {
  author_kind: 'Labelled by', ingested_at: 'Ingested', captured_at: 'Captured', size_bytes: 'Size', object_count: 'Objects',
  score: 'Score', predicted: 'Predicted', label: 'Label', split: 'Split', slot: 'Slot', origin: 'Origin', source: 'Source', format: 'Format',
  width: 'Width', height: 'Height', brightness: 'Brightness', contrast: 'Contrast', blur: 'Sharpness', '': 'Search',
}

/** A column's name as people say it. */
export const spoken = (name: string): string => SPOKEN[name] ?? name.replace(/^metadata\./, '')

/** A facet's value as people say it. */
export const valued = (name: string, value: string): string => (value !== '' ? value : name === 'label' ? 'unlabelled' : name === 'predicted' ? 'not predicted' : 'none')

/** The columns that the sidebar shows, what is asked for most first. */
export function shownFacets(sheet: Sheet): string[] {
  const first = ['label', 'predicted', 'split', 'author_kind', 'origin']
  const rest = sheet.facets.filter((name) => !first.includes(name) && name !== 'ingested_at')
  return [...first.filter((name) => sheet.facets.includes(name)), ...rest.filter((name) => name.startsWith('metadata.')), ...rest.filter((name) => !name.startsWith('metadata.'))]
}

/** The numbers that the sidebar shows. */
export const shownNumbers = (sheet: Sheet): string[] => ['score', ...sheet.numbers.filter((name) => name !== 'score')].filter((name) => sheet.numbers.includes(name))

const held = new WeakMap<Sheet, Map<string, string>>()
let known: readonly { classes: readonly string[]; colours?: Readonly<Record<string, string>> }[] = []

/** Tells the label schemas, whose order and colours every screen shares; before the first tile is drawn. */
export function knowSchemas(schemas: typeof known): void {
  known = schemas
}

/** The colour of each class: as its schema has it; classes of no schema follow by name. */
export function classColours(sheet: Sheet): ReadonlyMap<string, string> {
  let found = held.get(sheet)
  if (!found) {
    const classes = new Set<string>()
    for (const name of ['label', 'predicted']) {
      const column = sheet.columns.get(name)
      if (column?.kind === 'texts') for (const value of column.values) classes.add(value)
    }
    // The schema that knows most of the classes speaks for them.
    const best = [...known].sort((a, b) => b.classes.filter((name) => classes.has(name)).length - a.classes.filter((name) => classes.has(name)).length)[0]
    const order = [...(best?.classes ?? []), ...[...classes].filter((name) => !best?.classes.includes(name)).sort()]
    held.set(sheet, (found = new Map(order.map((name, at) => [name, hue(at, best?.colours?.[name])]))))
  }
  return found
}
