import { isRange, readFilters } from './links'

/** What is asked before the screens' own scripts are here. This file begins the page: it imports next to nothing. */

export type Link = { f?: string; q?: string; set?: string; like?: string; sort?: string; view?: string }

/** Sorts that the server knows, and the column of each. */
const BY: Record<string, string> = { newest: '-ingested_at', dark: 'brightness', bright: '-brightness', blurred: 'blur', sharp: '-blur', name: 'name' }
const TEXTS = new Set(['label', 'source', 'format'])
const NUMBERS = new Set(['width', 'height', 'brightness', 'contrast', 'blur', 'size_bytes'])
const FIELDS = ['name', 'colour', 'width', 'height', 'ingested_at', 'label', 'author_kind']

/** Where the first samples of a link are asked for; null where only all samples tell which they are. */
export function firstPath(link: Link, version: string | undefined): string | null {
  const by = BY[link.sort ?? 'newest']
  if (!by || link.q || link.set || link.like || (link.view ?? 'grid') !== 'grid') return null
  const filters = readFilters(link.f)
  const parts: Record<string, unknown>[] = []
  for (const [name, wanted] of Object.entries(filters)) {
    if (isRange(wanted) && NUMBERS.has(name)) parts.push({ [name]: { '>=': wanted[0], '<=': wanted[1] } })
    else if (!isRange(wanted) && TEXTS.has(name) && !(version && name === 'label')) {
      const values = (wanted as readonly string[]).filter((one) => one !== '')
      const options = [...(values.length ? [{ [name]: { in: values } }] : []), ...(values.length < wanted.length ? [{ [name]: { exists: false } }] : [])]
      parts.push(options.length > 1 ? { or: options } : options[0]!)
    } else return null
  }
  const query = new URLSearchParams({ newest: '200', fields: [...new Set([...FIELDS, ...Object.keys(filters), by.replace('-', '')])].join() })
  if (by !== BY.newest) query.set('by', by)
  if (parts.length) query.set('where', JSON.stringify({ and: parts }))
  if (version) query.set('version', version)
  return `/api/v1/samples/columns?${query}`
}

/** Where all samples are asked for: what they are, and what is said of them. */
export const wholePath = (part: 'content' | 'said', version: string | undefined): string => `/api/v1/samples/columns?part=${part}${version ? `&version=${encodeURIComponent(version)}` : ''}`

const KEPT_MS = 10_000
const begun = new Map<string, Promise<Response>>()

function begin(workspace: string, path: string): Promise<Response | void> {
  const key = `${workspace} ${path}`
  let answer = begun.get(key)
  if (!answer) {
    answer = fetch(new URL(`.${path}`, document.baseURI), { credentials: 'same-origin', headers: { 'Sightloop-Workspace': workspace } })
    begun.set(key, answer)
    setTimeout(() => begun.delete(key), KEPT_MS)
  }
  return answer.catch(() => void begun.delete(key))
}

/** The answer to a question that was begun, once. */
export function taken(workspace: string, path: string): Promise<Response> | undefined {
  const key = `${workspace} ${path}`
  const answer = begun.get(key)
  begun.delete(key)
  return answer
}

/** Whether all samples wait for the first of a link: to find those that pass a filter takes the server as long as to send all. */
export const waits = (link: Link): boolean => !link.f

/** Asks for the samples of a link: the first of them, then all. */
export function beginSamples(workspace: string, version: string | undefined, link: Link): void {
  const path = firstPath(link, version)
  const whole = () => (['content', 'said'] as const).forEach((part) => void begin(workspace, wholePath(part, version)))
  void begin(workspace, '/api/v1/schemas')
  const first = path && begin(workspace, path)
  if (first && waits(link)) void first.then(whole)
  else whole()
}

/** Asks for what the page's address needs first. */
export function beginPage(address: Location): void {
  const path = decodeURI(address.pathname).slice(new URL('.', document.baseURI).pathname.length)
  const [, workspace, screen, dataset, ...rest] = path.split('/')
  if (!path.startsWith('w/') || !workspace) return
  void begin(encodeURIComponent(workspace), '/api/v1/session')
  if (screen !== 'datasets' || rest.length) return
  const said = Object.fromEntries([...new URLSearchParams(address.search)].map(([name, value]) => [name, unquoted(value)]))
  beginSamples(encodeURIComponent(workspace), dataset ? `${dataset}@${said.v ?? 'latest'}` : undefined, said)
}

/** A text as the router writes it: in quotes where it would read as a number or the like. */
function unquoted(value: string): string {
  try {
    const found: unknown = JSON.parse(value)
    return typeof found === 'object' ? value : String(found)
  } catch {
    return value
  }
}
