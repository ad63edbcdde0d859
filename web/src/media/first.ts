import { queries, request } from '@/api/client'

type View = { f?: string; q?: string; set?: string; like?: string; sort?: string; view?: string }

/** Whether the newest samples are what the address asks for, so that the first tiles need not wait for all. */
export const isPlain = (search: View): boolean => !search.f && !search.q && !search.set && !search.like && !search.sort && (search.view ?? 'grid') === 'grid'

/** The question for what the tiles of the first screens need. */
export const firstPath = (version: string | undefined): string =>
  `/api/v1/samples/columns?newest=200&fields=name,colour,width,height,ingested_at,label,author_kind${version ? `&version=${encodeURIComponent(version)}` : ''}`

const begun = new Map<string, Promise<Response>>()

/** Asks for the first tiles while the screen's own scripts are still on the way. */
export function beginFirst(workspace: string, version: string | undefined): void {
  const path = firstPath(version)
  if (begun.has(path) || queries.getQueryData([workspace, 'sheet', version ?? ''])) return
  const answer = request(path)
  answer.catch(() => begun.delete(path))
  begun.set(path, answer)
  setTimeout(() => begun.delete(path), 10_000)
}

/** The answer that was begun, once, or a new one. */
export function takeFirst(version: string | undefined, signal: AbortSignal): Promise<Response> {
  const path = firstPath(version)
  const answer = begun.get(path)
  begun.delete(path)
  return answer ?? request(path, { signal })
}
