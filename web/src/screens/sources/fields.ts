/** What is known of one field of a source, as the API tells it. */
export type Field = Record<string, unknown>

const MOST = 6

/** Its types, the most frequent first. */
export function typesOf(field: Field): string {
  const types = Object.entries((field['types'] ?? {}) as Record<string, number>)
  return types
    .sort(([, a], [, b]) => b - a)
    .map(([name]) => name)
    .join(', ')
}

/** Its range, and its most frequent values with how often they came; a sign of more where there are more. */
export function rangeOf(field: Field): string {
  const parts: string[] = []
  const { low, high } = field as { low?: number | null; high?: number | null }
  if (low != null && high != null) parts.push(low === high ? short(low) : `${short(low)} to ${short(high)}`)
  const top = Object.entries((field['top'] ?? {}) as Record<string, number>).sort(([, a], [, b]) => b - a)
  const shown = top.slice(0, MOST).map(([value, times]) => `${value} (${times})`)
  if (shown.length) parts.push(shown.join(', ') + (top.length > MOST || field['lost'] ? ', ...' : ''))
  return parts.join('; ') || 'each its own'
}

function short(value: number): string {
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(4)))
}
