import type { Sheet } from './columns'

const none = new Int32Array(0)
const held = new WeakMap<object, Int32Array>()

/** How many samples each group has, by its number; empty where there are no groups. */
function sizes(sheet: Sheet): Int32Array {
  const column = sheet.columns.get('group')
  if (column?.kind !== 'numbers') return none
  let found = held.get(column)
  if (!found) {
    let most = -1
    for (const number of column.values) if (number > most) most = number
    found = new Int32Array(most + 1)
    for (const number of column.values) if (number >= 0) found[number]!++
    held.set(column, found)
  }
  return found
}

/** Whether any samples are of one moment. */
export const hasGroups = (sheet: Sheet): boolean => sizes(sheet).length > 0

/** How many samples are of one moment with this one; 1 where it is alone. */
export function slotsAt(sheet: Sheet, row: number): number {
  const column = sheet.columns.get('group')
  return (column?.kind === 'numbers' && sizes(sheet)[column.values[row]!]) || 1
}

/** One row for each group, where the first of it stands: its main sample, or what comes next after that of those that are here. */
export function gathered(sheet: Sheet, rows: Uint32Array): Uint32Array {
  const group = sheet.columns.get('group')
  const place = sheet.columns.get('place')
  if (group?.kind !== 'numbers' || place?.kind !== 'numbers') return rows
  const best = new Int32Array(sizes(sheet).length).fill(-1)
  for (const row of rows) {
    const number = group.values[row]!
    if (number >= 0 && (best[number]! < 0 || place.values[row]! < place.values[best[number]!]!)) best[number] = row
  }
  const found = new Uint32Array(rows.length)
  let count = 0
  for (const row of rows) {
    const number = group.values[row]!
    if (!(number >= 0)) found[count++] = row
    else if (best[number]! >= 0) {
      found[count++] = best[number]!
      best[number] = -1
    }
  }
  return found.subarray(0, count)
}

/** These rows and, of `among`, those of one moment with any of them. */
export function withSlots(sheet: Sheet, rows: ArrayLike<number>, among: Uint32Array): ArrayLike<number> {
  const group = sheet.columns.get('group')
  if (group?.kind !== 'numbers') return rows
  const wanted = new Set<number>()
  const alone: number[] = []
  for (let at = 0; at < rows.length; at++) {
    const number = group.values[rows[at]!]!
    if (number >= 0) wanted.add(number)
    else alone.push(rows[at]!)
  }
  return wanted.size ? [...alone, ...among.filter((row) => wanted.has(group.values[row]!))] : rows
}
