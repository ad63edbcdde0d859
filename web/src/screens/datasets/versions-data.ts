import { api, asked } from '@/api/client'

export type Version = { id: string; dataset: string; number: number; hash: string; parent: string; counts: Record<string, number>; label_counts: Record<string, number>; made_at: string; note: string; run: string }

/** The versions of a dataset, oldest first. */
export const versionsQuery = (name: string) => asked(['datasets', name, 'versions'], () => api.GET('/api/v1/datasets/{name}/versions', { params: { path: { name } } }))
