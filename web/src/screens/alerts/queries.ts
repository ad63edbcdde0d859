import { api, asked, request } from '@/api/client'
import type { components } from '@/api/schema.gen'
import type { History } from '@/screens/deployments/queries'

export type Alert = components['schemas']['Alert']
export type Cycle = components['schemas']['Cycle']

type Moved = { before: number | Record<string, number> | null; now: number | Record<string, number> | null }
/** What a drift alarm keeps; a rule keeps only its label and predictions. */
export type Evidence = {
  deployment?: string
  model_version?: string
  leading?: string
  carried_by?: string[]
  log_wealth?: Record<string, number>
  log_threshold?: number
  images?: number
  onset_sequence?: number
  moved?: Record<string, Moved>
  examples?: { prediction: string; sample: string; p: number }[]
  claim?: { alpha: number; guarantee: string; statement: string }
  label?: string
  predictions?: string[]
}

export const alertsQuery = () => asked(['alerts'], () => api.GET('/api/v1/alerts'))
export const alertQuery = (alert: string) => asked(['alert', alert], () => api.GET('/api/v1/alerts/{alert}', { params: { path: { alert } } }))
export const cyclesQuery = () => asked(['cycles'], () => api.GET('/api/v1/cycles'))
export const historyQuery = (alert: string) => asked(['alert-history', alert], async (signal) => ({ data: (await (await request(`/api/v1/alerts/${encodeURIComponent(alert)}/history`, { signal })).json()) as History }))
