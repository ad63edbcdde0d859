/** What the Experiments screens show of runs, as pure functions. */
export type Params = Readonly<Record<string, unknown>>

/** A nested value as rows of "a.b.c": text. */
export function flat(value: unknown, prefix = ''): Map<string, string> {
  const rows = new Map<string, string>()
  if (value !== null && typeof value === 'object' && !Array.isArray(value)) {
    for (const [key, inner] of Object.entries(value)) for (const [path, text] of flat(inner, prefix ? `${prefix}.${key}` : key)) rows.set(path, text)
    return rows
  }
  const text = Array.isArray(value) ? (value.length > 8 ? `${value.length} items` : JSON.stringify(value)) : String(value ?? '')
  return rows.set(prefix, text)
}

export type DiffRow = { name: string; values: (string | null)[]; differs: boolean }

/** Parameters side by side, by name; `null` where one has none of that name. */
export function sideBySide(all: readonly Params[]): DiffRow[] {
  const rows = all.map((params) => flat(params))
  const names = [...new Set(rows.flatMap((one) => [...one.keys()]))].sort()
  return names.map((name) => {
    const values = rows.map((one) => one.get(name) ?? null)
    return { name, values, differs: new Set(values).size > 1 }
  })
}

export type Metric = { name: string; value: number; lower?: number; upper?: number }

const LATER = new Set(['slices', 'confusion', 'parity'])

/** The figures of an evaluation with their 95 % limits where it has some ("accuracy" beside "accuracy_ci"). */
export function metricsOf(metrics: unknown, prefix = ''): Metric[] {
  if (metrics === null || typeof metrics !== 'object') return []
  const all = metrics as Record<string, unknown>
  return Object.entries(all).flatMap(([name, value]): Metric[] => {
    if (name.endsWith('_ci') || LATER.has(name)) return []
    if (typeof value === 'number') {
      const limits = all[`${name}_ci`]
      const [lower, upper] = Array.isArray(limits) ? (limits as number[]) : []
      return [{ name: prefix + name, value, ...(typeof lower === 'number' && typeof upper === 'number' ? { lower, upper } : {}) }]
    }
    return value !== null && typeof value === 'object' && !Array.isArray(value) ? metricsOf(value, `${prefix}${name}.`) : []
  })
}

/** Names of metrics in the order of first sight, over all of the runs. */
export const metricNames = (all: readonly (readonly Metric[])[]): string[] => [...new Set(all.flat().map((one) => one.name))]

/** How long it took, or takes so far, in seconds. */
export const duration_s = (run: { started_at: string; ended_at: string | null }, now: number): number => Math.max(0, ((run.ended_at ? Date.parse(run.ended_at) : now) - Date.parse(run.started_at)) / 1000)

/** Which of these differ by more than their 95 % limits allow: no interval holds all of the values. */
export const apart = (metrics: readonly (Metric | undefined)[]): boolean => {
  const known = metrics.filter((one): one is Metric => one?.lower !== undefined)
  return known.length > 1 && known.some((a) => known.some((b) => a.upper! < b.lower!))
}

/** Training curves in a run's output: named lists of numbers, wherever a trainer put them ("curves" or "history"). */
export function curvesOf(output: Params): { name: string; values: number[] }[] {
  const found = output.curves ?? output.history
  if (found === null || typeof found !== 'object') return []
  return Object.entries(found).flatMap(([name, values]) => (Array.isArray(values) && values.length > 1 && values.every((one) => typeof one === 'number') ? [{ name, values: values as number[] }] : []))
}
