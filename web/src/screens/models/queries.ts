import { api, asked } from '@/api/client'
import type { components } from '@/api/schema.gen'

export type ModelVersion = components['schemas']['ModelVersion']
export type Model = components['schemas']['Model']
export type AliasMove = components['schemas']['AliasMove']

/** What a gate found: overall and on each slice, against a margin at a level. */
export type SliceVerdict = { n: number; difference: number; lower: number; upper: number; p_value: number; passed: boolean; power: number; further_needed: number }
export type Verdict = {
  passed: boolean
  reasons: string[]
  auroc?: { value: number; lower: number; upper: number; n: number; class?: string } | null
  minimum_auroc?: number | null
  paired?: { passed: boolean; margin: number; alpha: number; slices: Record<string, SliceVerdict>; superiority_p?: Record<string, number>; superior?: string[]; refused_by?: string[]; further_needed: number } | null
  power?: number
  look?: number
}
export type Gate = Omit<components['schemas']['GateResult'], 'verdict'> & { verdict: Verdict }

export const modelQuery = (model: string) => asked(['model', model], () => api.GET('/api/v1/models/{model}', { params: { path: { model } } }))
export const versionsQuery = (model: string) => asked(['model-versions', model], () => api.GET('/api/v1/models/{model}/versions', { params: { path: { model } } }))
export const gatesQuery = (version: string) => asked(['gates', version], async () => {
  const { data } = await api.GET('/api/v1/model-versions/{version}/gates', { params: { path: { version } } })
  return { data: (data?.items ?? []) as unknown as Gate[] }
})
export const movesQuery = (model: string, alias = 'champion') => asked(['alias-moves', model, alias], () => api.GET('/api/v1/models/{model}/aliases/{alias}/history', { params: { path: { model, alias } } }))

/** The gate that lets the version take the alias now: passed, and against the version that holds it. */
export const admitting = (gates: readonly Gate[], holder: string | undefined): Gate | undefined => gates.findLast((gate) => gate.passed && gate.champion === (holder ?? ''))
