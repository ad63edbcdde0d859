import { asked, request } from '@/api/client'
import type { Labelled } from '@/canvas/document'
import type { Kind } from '@/canvas/shapes'
import { hue } from '@/ui/marks'

export type Purpose = 'seed' | 'lesson' | 'audit' | 'doubt' | 'rest' | 'check' | 'second'
export type Attempt = { size: number; state: 'open' | 'certified' | 'given_up'; accepted: number; receipt: string }
export type Campaign = { id: string; name: string; schema: string; state: 'asking' | 'done'; size: number; schedule: { eps: number; alpha: number }; attempts: Attempt[]; made_at: string; ended_at: string | null }
export type Item = { id: string; campaign: string; sample: string; purpose: Purpose; blind: boolean; suggestion: string; score: number; state: 'open' | 'answered'; verb: string; label: string; leased_until: string | null }
export type Counts = { size: number; human: number; auto: number; open: number; accepts: number; fixes: number; rejects: number; skips: number; undone: number; duration_s: number }
export type Attribute = { type: 'bool' | 'number' | 'text' | 'choice'; choices?: string[] }
export type Schema = {
  id: string
  name: string
  version: number
  classes: string[]
  geometry_types: Kind[]
  colours?: Record<string, string>
  skeleton?: { points?: string[]; edges?: [number, number][] }
  attributes?: Record<string, Attribute>
}
export type ReviewQueue = { id: string; name: string; schema: string; mode: 'boxes' | 'class'; geometry: string; blind: boolean; answers_wanted: number; agreement: number; made_at: string; counts: { open: number; answered: number; adjudicate: number; done: number } }
export type Opinion = { author: string; verb: string; objects: Labelled[] | null; agreement?: number | null }
export type ReviewItem = { id: string; queue: string; schema: string; sample: string; kind: 'label' | 'adjudicate'; blind: boolean; suggestions: Labelled[]; answers: Opinion[]; agreement: number | null; reason: string; revision: number; leased_until: string | null }
export type SampleObjects = { schema: string; objects: Labelled[]; rejected: string[]; revision: number }
type Limits = [low: number, high: number] | null
export type Agreement = {
  measure: 'krippendorff_alpha' | 'object_agreement'
  items: number
  overall: number | null
  overall_interval: Limits
  by_class: Record<string, number>
  by_class_count: Record<string, number>
  by_annotator: Record<string, { agreement: number | null; agreement_interval: Limits; honeypot_accuracy: number | null; honeypot_interval: Limits; honeypots: number; answers: number; median_s: number | null }>
}
export type Sample = { id: string; name: string; kind: string; reading: Record<string, unknown>; source: string; width: number; height: number; format: string; size_bytes: number; ingested_at: string; captured_at: string | null; media_digest: string; metadata: Record<string, unknown>; brightness: number; contrast: number; blur: number }

const json = async <T>(path: string, init?: RequestInit): Promise<T> => (await (await request(path, init)).json()) as T

/** A query of one address of the API. */
export const fetched = <T>(key: readonly unknown[], path: string) => asked<T>(key, async (signal) => ({ data: await json<T>(`/api/v1${path}`, { signal }) }))

/** One answer of the API now, kept by nobody. */
export const got = <T>(path: string): Promise<T> => json<T>(`/api/v1${path}`)

/** One request that changes something now, outside of the journal. */
export const posted = <T>(path: string, body: unknown): Promise<T> =>
  json<T>(`/api/v1${path}`, { method: 'POST', body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } })

export const campaignsQuery = () => fetched<{ items: Campaign[] }>(['campaigns'], '/campaigns')
export const queuesQuery = () => fetched<{ items: ReviewQueue[] }>(['review-queues'], '/review-queues')
export const schemaQuery = (id: string) => ({ ...fetched<Schema>(['schemas', id], `/schemas/${encodeURIComponent(id)}`), staleTime: 300_000, enabled: id !== '' })
export const sampleQuery = (id: string) => ({ ...fetched<Sample>(['samples', id], `/samples/${id}`), staleTime: 300_000, enabled: id !== '' })

/** The colour of a class on images, by its place in the schema where the schema names none. */
export const colourOf = (schema: Schema | undefined, label: string): string => hue(schema?.classes.indexOf(label) ?? 0, schema?.colours?.[label])

/** The digit that chooses a class: 1 to 9, then 0. */
export const digitOf = (index: number): string => (index < 9 ? String(index + 1) : index === 9 ? '0' : '')
