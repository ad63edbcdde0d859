/** What each address may carry, read leniently: a link that says something odd still opens its screen. */
type Raw = Record<string, unknown>

const text = (value: unknown): string | undefined => (typeof value === 'string' && value ? value : typeof value === 'number' ? String(value) : undefined)
const oneOf = <T extends string>(value: unknown, allowed: readonly T[]): T | undefined => (allowed.includes(value as T) ? (value as T) : undefined)

/** Only the fields that are there, so that addresses stay short. */
const kept = <T extends Raw>(fields: T): Partial<T> => Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Partial<T>

export const settings = (raw: Raw) => kept({ settings: oneOf(raw.settings, ['members', 'keys', 'workspaces', 'storage', 'schemas', 'about'] as const) })
export const sources = (raw: Raw) => kept({ tab: oneOf(raw.tab, ['quarantine'] as const), run: text(raw.run) })
/** `f`: filters, `label:mono;brightness:0.1..0.4` (or, in old links, as JSON); `v`: version number; `q`: search text; `like`: a sample to sort by similarity to; `each`: no tile stands for a group. */
export const grid = (raw: Raw) =>
  kept({ view: oneOf(raw.view, ['grid', 'map', 'health', 'versions'] as const), v: text(raw.v), f: text(raw.f) ?? (raw.f && typeof raw.f === 'object' ? JSON.stringify(raw.f) : undefined), q: text(raw.q), sort: text(raw.sort), like: text(raw.like), set: text(raw.set), each: oneOf(raw.each === 1 ? '1' : raw.each, ['1'] as const) })
export const diff = (raw: Raw) => kept({ a: text(raw.a), b: text(raw.b), show: oneOf(raw.show, ['added', 'removed', 'relabelled', 'moved'] as const) })
export const review = (raw: Raw) => kept({ sample: text(raw.sample), obj: text(raw.obj), schema: text(raw.schema) })
/** `new`: asks for a new queue; `samples`: ids for it, where they fit an address; `agreement`: the queue whose agreement is shown. */
export const queues = (raw: Raw) => kept({ new: oneOf(raw.new === 1 ? '1' : raw.new, ['1'] as const), samples: text(raw.samples), agreement: text(raw.agreement) })
export const runs = (raw: Raw) => kept({ kind: text(raw.kind), state: text(raw.state) })
export const compare = (raw: Raw) => kept({ ids: text(raw.ids) })
export const run = (raw: Raw) => kept({ tab: oneOf(raw.tab, ['summary', 'evaluation', 'lineage'] as const), cell: text(raw.cell) })
export const model = (raw: Raw) => kept({ v: text(raw.v), tab: oneOf(raw.tab, ['card', 'eval', 'lineage', 'gates'] as const), cell: text(raw.cell) })
export const deployment = (raw: Raw) => kept({ from: text(raw.from), to: text(raw.to) })
export const audit = (raw: Raw) => kept({ actor: text(raw.actor), subject: text(raw.subject), action: text(raw.action) })
