import { api, asked } from '@/api/client'
import type { components } from '@/api/schema.gen'

export type Run = components['schemas']['Run']

const GOING = new Set(['pending', 'running'])

export const goesOn = (run: Pick<Run, 'state'>): boolean => GOING.has(run.state)

/** One run, looked at again every second and a half while it goes on. */
export const runQuery = (run: string) => ({
  ...asked(['run', run], () => api.GET('/api/v1/runs/{run}', { params: { path: { run } } })),
  refetchInterval: (query: { state: { data?: Run } }) => (query.state.data && goesOn(query.state.data) ? 1500 : false) as number | false,
})

/** What a run used and made. */
export const linksQuery = (run: string) => asked(['run-links', run], () => api.GET('/api/v1/runs/{run}/links', { params: { path: { run } } }))
