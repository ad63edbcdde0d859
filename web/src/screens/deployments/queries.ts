import { api, asked, request } from '@/api/client'
import type { components } from '@/api/schema.gen'

export type Deployment = components['schemas']['Deployment']
export type Monitor = components['schemas']['Monitor']
export type Estimate = components['schemas']['Estimate']
export type Prediction = components['schemas']['Prediction']

export type Bin = { at: string; count: number; errors: number | null; p50_ms: number | null; p95_ms: number | null; mean_score: number | null; labels: Record<string, number> }
export type Metrics = { from: string; to: string; bin_s: number; bins: Bin[]; markers: { at: string; model_version: string; kind: string }[] }

export const deploymentQuery = (name: string) => asked(['deployment', name], () => api.GET('/api/v1/deployments/{name}', { params: { path: { name } } }))
export const monitorsQuery = () => asked(['monitors'], () => api.GET('/api/v1/monitors'))
export const monitorQuery = (name: string) => asked(['monitor', name], () => api.GET('/api/v1/monitors/{name}', { params: { path: { name } } }))
export const estimateQuery = (name: string) => asked(['estimate', name], () => api.GET('/api/v1/monitors/{name}/estimate', { params: { path: { name } } }))

/** Latency, throughput and errors in bins, with what was rolled out when. */
export const metricsQuery = (name: string, from?: string, to?: string, bins = 96) =>
  asked(['deployment-metrics', name, from ?? '', to ?? '', bins], async (signal) => {
    const query = new URLSearchParams({ bins: String(bins), ...(from ? { from } : {}), ...(to ? { to } : {}) })
    return { data: (await (await request(`/api/v1/deployments/${encodeURIComponent(name)}/metrics?${query}`, { signal })).json()) as Metrics }
  })

/** The newest predictions of a deployment, newest first. */
export const newestQuery = (deployment: string, limit = 24) =>
  asked(['predictions', deployment, limit], async (signal) => {
    const query = new URLSearchParams({ deployment, limit: String(limit), order: 'newest' })
    return { data: ((await (await request(`/api/v1/predictions?${query}`, { signal })).json()) as { items: Prediction[] }).items }
  })

/** A monitor's evidence, thinned by the server: the numbers of the predictions, and a list of log wealth for each line. */
export type History = { sequence?: number[] } & Record<string, (number | null)[]>

/** The lines of evidence by name: natural logarithms of the wealth of the bets against "nothing changed". */
export const wealthOf = (history: History): { name: string; values: (number | null)[] }[] => Object.entries(history).flatMap(([name, values]) => (name === 'sequence' ? [] : [{ name, values }]))
