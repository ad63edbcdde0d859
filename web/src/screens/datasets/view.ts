import { useQuery } from '@tanstack/react-query'
import { useNavigate, useParams, useSearch } from '@tanstack/react-router'
import { useCallback, useMemo, useState } from 'react'
import { api, asked } from '@/api/client'
import type { Sheet } from '@/media/columns'
import { apply, maskOf, matching, type Passed } from '@/media/filters'
import { readFilters, writeFilters, type Filters } from '@/media/links'
import { ordered, passing, SORTS, type Sort } from '@/media/order'
import { imageOf, storedIds } from './sets'

export type Search = { view?: 'grid' | 'map' | 'health' | 'versions'; v?: string; f?: string; q?: string; sort?: string; like?: string; set?: string; each?: '1' }

/** What the address says about this view, and how to say something else. */
export function useAddress() {
  const search = useSearch({ strict: false }) as Search
  const { workspace = 'default', dataset } = useParams({ strict: false }) as { workspace?: string; dataset?: string }
  const navigate = useNavigate()
  const go = useCallback(
    (change: Partial<Search>, replace = false) => void navigate({ to: '.', search: (old: Search) => ({ ...old, ...change }), replace } as never),
    [navigate],
  )
  return { search, workspace, dataset, go, version: dataset ? `${dataset}@${search.v ?? 'latest'}` : undefined }
}

export type View = {
  sheet: Sheet
  filters: Filters
  passed: Passed
  /** The rows of the sheet that are in the view, in order. */
  rows: Uint32Array
  sort: Sort | 'similar' | 'given'
  set: { label: string; busy: boolean; error: unknown } | null
  like: { busy: boolean; error: unknown } | null
  setFilters: (filters: Filters) => void
}

/** The samples that the address asks for: filtered, searched and sorted. */
export function useView(sheet: Sheet): View {
  const { search, go } = useAddress()
  const filters = useMemo(() => readFilters(search.f), [search.f])
  const written = useWritten(search.q)
  const words = useMemo(() => either(matching(sheet, search.q ?? ''), written && maskOf(sheet, written)), [sheet, search.q, written])
  const set = useSet(search.set)
  const like = useSimilar(search.like)
  const setMask = useMemo(() => (set?.ids ? maskOf(sheet, set.ids) : null), [sheet, set?.ids])
  const likeMask = useMemo(() => (like?.ids ? maskOf(sheet, like.ids) : null), [sheet, like?.ids])
  const passed = useMemo(() => apply(sheet, filters, [words, setMask, likeMask]), [sheet, filters, words, setMask, likeMask])
  const sort = (SORTS.find((one) => one.value === search.sort)?.value ?? 'newest') as Sort
  const given = like?.ids ?? (set?.inOrder && !search.sort ? set.ids : null)
  const order = useMemo(() => (given ? Uint32Array.from(given.map((id) => sheet.row(id)).filter((row) => row >= 0)) : ordered(sheet, sort)), [sheet, sort, given])
  const rows = useMemo(() => passing(order, passed), [order, passed])
  const setFilters = useCallback((next: Filters) => go({ f: writeFilters(next) }), [go])
  return { sheet, filters, passed, rows, sort: like ? 'similar' : given ? 'given' : sort, set, like, setFilters }
}

type Found = { items: { sample: { id: string }; cosine: number }[] }

/** The samples that hold the words in any form, in documents too; null until the server has told. */
function useWritten(words: string | undefined): string[] | null {
  const found = useQuery({
    ...asked(['written', words], () => api.POST('/api/v1/samples/search', { body: { text: words!, k: 1000 } } as never) as Promise<{ data?: Found }>),
    enabled: !!words && /[\p{L}\p{N}]/u.test(words),
    staleTime: 60_000,
    placeholderData: undefined,
    retry: false,
  })
  return useMemo(() => found.data?.items.map((one) => one.sample.id) ?? null, [found.data])
}

function either(a: Uint8Array | null, b: Uint8Array | null): Uint8Array | null {
  return a && b ? a.map((on, row) => on | b[row]!) : a
}

/** The samples nearest to a sample, or to the image that was dropped. */
function useSimilar(like: string | undefined): { ids: string[] | null; busy: boolean; error: unknown } | null {
  const image = like?.startsWith('image') ? imageOf(like) : undefined
  const found = useQuery({
    ...asked(['similar', like], () => api.POST('/api/v1/samples/search', { body: { ...(image ? { image } : { sample: like! }), k: 500 } } as never) as Promise<{ data?: Found }>),
    enabled: !!like && (!like.startsWith('image') || !!image),
    staleTime: Infinity,
    placeholderData: undefined,
  })
  const ids = useMemo(() => {
    if (!found.data) return null
    const nearest = found.data.items.map((one) => one.sample.id)
    return like && !image ? [...new Set([like, ...nearest])] : nearest
  }, [found.data, like, image])
  return like ? { ids, busy: found.isLoading, error: found.error } : null
}

/** The samples that `set` names: near-duplicates, outliers, a stored choice, or ids. */
function useSet(set: string | undefined): { ids: string[] | null; label: string; busy: boolean; inOrder: boolean; error: unknown } | null {
  const duplicates = useQuery({ ...duplicateQuery(), enabled: set === 'duplicates' })
  const outliers = useQuery({ ...outlierQuery(), enabled: set === 'outliers' })
  return useMemo(() => {
    if (!set) return null
    if (set === 'duplicates') return { ids: duplicates.data?.groups.flat() ?? null, label: 'Near-duplicates', busy: duplicates.isLoading, inOrder: true, error: duplicates.error }
    if (set === 'outliers') return { ids: outliers.data?.items.map((one) => one.sample) ?? null, label: 'Outliers', busy: outliers.isLoading, inOrder: true, error: outliers.error }
    const ids = storedIds(set)
    return { ids, label: `Chosen (${ids.length})`, busy: false, inOrder: false, error: null }
  }, [set, duplicates.data, duplicates.isLoading, duplicates.error, outliers.data, outliers.isLoading, outliers.error])
}

export type Outliers = { items: { sample: string; distance: number; percentile: number }[]; size: number; made_at: string | null; run: string; current: boolean }

/** The samples farthest from their neighbours, farthest first; `made_at` is null where they are many and nobody has looked yet. */
export const outlierQuery = () => ({
  ...asked(['outliers'], () => api.GET('/api/v1/samples/outliers' as never, { params: { query: { limit: 200 } } } as never) as unknown as Promise<{ data?: Outliers }>),
  staleTime: 300_000,
})

/** Groups of samples that look the same; `made_at` is null where they are many and nobody has looked yet. */
export const duplicateQuery = () => ({ ...asked(['near-duplicates'], () => api.GET('/api/v1/samples/near-duplicates')), staleTime: 300_000 })

export type Selection = { mask: Uint8Array; count: number }

/** Which rows are selected: one mask, replaced as a whole when anything changes; new labels leave it as it is. */
export function useSelection(sheet: Sheet) {
  const { ids, size } = sheet
  const [held, hold] = useState({ ids, mask: new Uint8Array(size), count: 0 })
  const now = useMemo(() => (held.ids === ids ? held : { ids, mask: new Uint8Array(size), count: 0 }), [held, ids, size])
  const put = useCallback(
    (rows: ArrayLike<number>, on: boolean | 'toggle', only = false) =>
      hold((old) => {
        const mask = only || old.ids !== ids ? new Uint8Array(size) : old.mask.slice()
        let { count } = only || old.ids !== ids ? { count: 0 } : old
        for (let at = 0; at < rows.length; at++) {
          const row = rows[at]!
          const next = on === 'toggle' ? (mask[row] ? 0 : 1) : on ? 1 : 0
          count += next - mask[row]!
          mask[row] = next
        }
        return { ids, mask, count }
      }),
    [ids, size],
  )
  return { mask: now.mask, count: now.count, put }
}

/** How many of the view are selected: a filter may have hidden some since. */
export function useChosen(view: View, selection: Selection): number {
  return useMemo(() => {
    if (!selection.count) return 0
    let found = 0
    for (const row of view.rows) found += selection.mask[row]!
    return found
  }, [view.rows, selection.mask, selection.count])
}

/** The ids of the selection, or of the whole view where nothing of it is selected, in the view's order. */
export function chosenIds(view: View, selection: Selection): string[] {
  const found: string[] = []
  const all = !view.rows.some((row) => selection.mask[row])
  for (const row of view.rows) if (all || selection.mask[row]) found.push(view.sheet.ids[row]!)
  return found
}
