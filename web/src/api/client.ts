import createClient, { type Middleware } from 'openapi-fetch'
import { keepPreviousData, QueryClient, queryOptions } from '@tanstack/react-query'
import type { paths } from './schema.gen'
import { Problem } from './problem'
import { connection } from './connection'
import { newId } from './new-id'
import { taken } from '@/media/first'

/** Where the API is: beside the page, wherever a proxy put it. */
export const BASE = new URL('.', document.baseURI).pathname.replace(/\/$/, '')

let workspace = ''

/** Names the workspace on every request from now on; its session cookie answers for it. */
export function speakFor(id: string): void {
  workspace = encodeURIComponent(id)
}

/** One request to the API as the signed-in person. Raises Problem; its status is 0 where nobody answered. */
export async function request(path: string, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers)
  if (workspace && !headers.has('Sightloop-Workspace')) headers.set('Sightloop-Workspace', workspace)
  let response: Response
  try {
    response = await fetch(BASE + path, { ...init, headers, credentials: 'same-origin' })
  } catch (error) {
    if (init.signal?.aborted) throw error
    connection.lost()
    throw Problem.offline()
  }
  connection.answered()
  if (!response.ok && response.status !== 304) throw await Problem.of(response)
  return response
}

/** The answer that was begun before the page's scripts were here, or that of a new request. */
export async function begun(path: string, init: RequestInit = {}): Promise<Response> {
  const early = await taken(workspace, path)?.catch(() => undefined)
  if (!early?.ok) return request(path, init)
  connection.answered()
  return early
}

const transport: Middleware = {
  onRequest({ request: asked }) {
    if (workspace) asked.headers.set('Sightloop-Workspace', workspace)
    if (asked.method === 'POST' && !asked.headers.has('Idempotency-Key')) asked.headers.set('Idempotency-Key', newId())
    return asked
  },
  async onResponse({ response }) {
    connection.answered()
    if (!response.ok) throw await Problem.of(response)
  },
  onError({ error }) {
    if (error instanceof DOMException && error.name === 'AbortError') return error
    connection.lost()
    return Problem.offline()
  },
}

/** The typed API: `await api.GET('/api/v1/samples/{sample}', ...)`; `data` is there or a Problem was raised. */
export const api = createClient<paths>({ baseUrl: location.origin + BASE, credentials: 'same-origin' })
api.use(transport)

export const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 15_000,
      refetchOnWindowFocus: false,
      placeholderData: keepPreviousData,
      retry: (failures, error) => error instanceof Problem && error.retryable && failures < 2,
    },
  },
})

/** A query whose data is never undefined once it succeeded: `useQuery(asked(['models'], () => api.GET('/api/v1/models')))`. */
export function asked<T>(key: readonly unknown[], ask: (signal: AbortSignal) => Promise<{ data?: T }>) {
  return queryOptions({
    queryKey: [workspace, ...key],
    queryFn: async ({ signal }): Promise<T> => {
      const { data } = await ask(signal)
      return data as T
    },
  })
}

/** Who is signed in to the workspace that is spoken for. */
export const sessionQuery = () => ({ ...asked(['session'], async (signal) => ({ data: (await (await begun('/api/v1/session', { signal })).json()) as Session })), staleTime: 60_000 })

type Session = paths['/api/v1/session']['get']['responses']['200']['content']['application/json']
