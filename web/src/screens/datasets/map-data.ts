import { tableFromIPC } from '@uwdata/flechette'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useMemo, useState } from 'react'
import { api, asked, request } from '@/api/client'
import type { Sheet } from '@/media/columns'
import { squared } from '@/media/places'

export type Layout = { id: string; made_at: string; size: number; method: string; version?: string; state?: string }
/** Places of the samples that a layout holds; `rows[i]` is the sheet's row of the i-th. */
export type Placed = { rows: Int32Array; places: Float32Array }
type Run = { id: string; state: string; progress: { done: number; total: number; note: string }; error: { message?: string } }

const ENDED = new Set(['succeeded', 'failed', 'cancelled', 'canceled'])

/** The newest layout that fits the ground set, its places, and the verb that makes a new one. */
export function useLayout(sheet: Sheet, version: string | undefined) {
  const cache = useQueryClient()
  const [run, setRun] = useState('')
  const layouts = useQuery(asked(['maps'], () => api.GET('/api/v1/maps' as never) as unknown as Promise<{ data?: { items: Layout[] } }>))
  const newest = [...(layouts.data?.items ?? [])].sort((a, b) => (a.made_at < b.made_at ? 1 : -1))[0]
  const columns = useQuery({
    ...asked(['maps', newest?.id], async (signal) => ({ data: readPlaces(await (await request(`/api/v1/maps/${encodeURIComponent(newest!.id)}/columns`, { signal })).arrayBuffer()) })),
    enabled: !!newest,
    structuralSharing: false,
    staleTime: Infinity,
  })
  const placed = useMemo((): Placed | null => {
    if (!columns.data) return null
    const { ids, x, y } = columns.data
    const kept: number[] = []
    ids.forEach((id, at) => sheet.row(id) >= 0 && kept.push(at))
    return { rows: Int32Array.from(kept, (at) => sheet.row(ids[at]!)), places: squared(Float32Array.from(kept, (at) => x[at]!), Float32Array.from(kept, (at) => y[at]!)) }
  }, [columns.data, sheet])
  const progress = useQuery({
    ...asked(['runs', run], () => api.GET('/api/v1/runs/{run}', { params: { path: { run } } }) as Promise<{ data?: Run }>),
    enabled: !!run,
    refetchInterval: (query) => {
      const state = (query.state.data as Run | undefined)?.state
      if (!state || !ENDED.has(state)) return 800
      void cache.invalidateQueries({ predicate: (one) => one.queryKey.includes('maps') })
      return false
    },
  })
  const lay = useMutation({
    mutationFn: () => api.POST('/api/v1/maps' as never, { body: version ? { version } : {} } as never) as unknown as Promise<{ data?: { id: string; run?: string } }>,
    onSuccess: ({ data }) => setRun(data?.run || data?.id || ''),
  })
  const going = run && progress.data && !ENDED.has(progress.data.state) ? progress.data : null
  const failed = run && progress.data?.state === 'failed' ? progress.data : null
  return { layouts, newest, columns, placed, lay, going, failed, starting: lay.isPending || (!!run && !progress.data) }
}

function readPlaces(bytes: ArrayBuffer): { ids: string[]; x: ArrayLike<number>; y: ArrayLike<number> } {
  const table = tableFromIPC(new Uint8Array(bytes))
  return { ids: Array.from(table.getChild('id').toArray() as ArrayLike<string>), x: table.getChild('x').toArray() as ArrayLike<number>, y: table.getChild('y').toArray() as ArrayLike<number> }
}
