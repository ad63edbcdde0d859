import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useParams } from '@tanstack/react-router'
import { useCallback, useEffect, useMemo, useRef } from 'react'
import { request } from '@/api/client'
import { useEvents, type LoopEvent } from '@/api/events'
import { readSheet } from './columns'

/** What changes a sheet: samples that came in, and labels. */
const CHANGES = /sample|ingest|annotation|label|object|prediction/

/** The columns of all samples, or of a version's, refreshed as samples and labels come in. */
export function useSheet(version: string | undefined) {
  const { workspace } = useParams({ strict: false })
  const cache = useQueryClient()
  const key = useMemo(() => [workspace, 'sheet'], [workspace])
  const later = useRef(0)
  useEffect(() => () => clearTimeout(later.current), [])
  useEvents(
    useCallback(
      (event: LoopEvent) => {
        if (!CHANGES.test(event.type)) return
        clearTimeout(later.current)
        later.current = window.setTimeout(() => void cache.invalidateQueries({ queryKey: key }), 1500)
      },
      [cache, key],
    ),
  )
  return useQuery({
    queryKey: [...key, version ?? ''],
    queryFn: async ({ signal }) => readSheet(await (await request(`/api/v1/samples/columns${version ? `?version=${encodeURIComponent(version)}` : ''}`, { signal })).arrayBuffer()),
    structuralSharing: false,
    staleTime: 60_000,
  })
}

/** A sample's picture as an object URL, at most `longest_px` a side; `view` is the rest of the query, of measurements. */
export function usePicture(sample: string | undefined, longest_px: number, view = '') {
  const { workspace } = useParams({ strict: false })
  const found = useQuery({
    queryKey: [workspace, 'picture', sample, longest_px, view],
    queryFn: async ({ signal }) => (await request(`/api/v1/samples/${encodeURIComponent(sample!)}/image?longest_px=${longest_px}${view && `&${view}`}`, { signal })).blob(),
    enabled: !!sample,
    structuralSharing: false,
    staleTime: Infinity,
    gcTime: 30_000,
    placeholderData: undefined,
  })
  const url = useMemo(() => (found.data ? URL.createObjectURL(found.data) : undefined), [found.data])
  useEffect(() => () => void (url && URL.revokeObjectURL(url)), [url])
  return { url, error: found.error }
}
