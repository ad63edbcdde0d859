import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useParams } from '@tanstack/react-router'
import { useCallback, useEffect, useMemo, useRef } from 'react'
import { begun, request } from '@/api/client'
import { useEvents, type LoopEvent } from '@/api/events'
import { wholePath } from './first'
import { alsoThumbs } from './thumbs'
import { joined, readPart, sameRows, type Part, type Sheet } from './columns'

/** What changes a sheet: samples that came in, and labels. */
const CHANGES = /sample|ingest|annotation|label|object|prediction/

/** How many of the newest samples have their pictures asked for before a tile stands. */
const FIRST_PICTURES = 96

/** What the samples are, of the last few ground sets: it changes only when samples come in. */
const contents = new Map<string, Part>()

async function ask(part: 'content' | 'said', version: string | undefined, signal: AbortSignal): Promise<Part> {
  return readPart(await (await begun(wholePath(part, version), { signal })).arrayBuffer())
}

/** What is said is asked each time; what the samples are, only where they are no longer the same. */
async function whole(at: string, version: string | undefined, signal: AbortSignal): Promise<Sheet> {
  for (let tries = 0; ; tries++) {
    const [content, said] = await Promise.all([contents.get(at) ?? ask('content', version, signal), ask('said', version, signal)])
    if (sameRows(content, said)) {
      contents.delete(at)
      contents.set(at, content)
      if (contents.size > 3) contents.delete(contents.keys().next().value!)
      return joined(content, said)
    }
    contents.delete(at)
    if (tries > 3) throw new Error('The samples change faster than they can be read.')
  }
}

/** The first samples of a view, where `path` can tell which they are: what the first tiles need, whatever there is behind them. */
export function useFirst(path: string | null) {
  const { workspace } = useParams({ strict: false })
  return useQuery({
    queryKey: [workspace, 'first', path],
    queryFn: async ({ signal }) => {
      const first = joined(readPart(await (await begun(path!, { signal })).arrayBuffer()))
      alsoThumbs(first.ids.slice(0, FIRST_PICTURES))
      return first
    },
    enabled: path !== null,
    structuralSharing: false,
    placeholderData: undefined,
    staleTime: 60_000,
  })
}

/** The columns of all samples, or of a version's, refreshed as samples and labels come in. */
export function useSheet(version: string | undefined, enabled = true) {
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
    queryFn: ({ signal }) => whole(`${workspace}/${version ?? ''}`, version, signal),
    enabled,
    structuralSharing: false,
    placeholderData: undefined,
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
