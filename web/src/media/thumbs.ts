import { useSyncExternalStore } from 'react'
import { request } from '@/api/client'
import { unpack } from './pack'

/** How many object URLs are held; the least lately used go first. */
const HELD = 3000
const PACK = 96

const urls = new Map<string, string>()
const absent = new Set<string>()
const listeners = new Map<string, Set<() => void>>()
let wanted: string[] = []
const asking = new Map<string, AbortController>()
let timer = 0

const tell = (id: string) => listeners.get(id)?.forEach((call) => call())

function keep(id: string, bytes: Uint8Array<ArrayBuffer> | null): void {
  if (bytes) urls.set(id, URL.createObjectURL(new Blob([bytes])))
  else absent.add(id)
  tell(id)
}

function drop(): void {
  for (const [id, url] of urls) {
    if (urls.size <= HELD) return
    if (listeners.get(id)?.size) {
      urls.delete(id)
      urls.set(id, url)
      continue
    }
    URL.revokeObjectURL(url)
    urls.delete(id)
  }
}

async function fetchPack(ids: string[]): Promise<void> {
  const control = new AbortController()
  for (const id of ids) asking.set(id, control)
  try {
    const answer = await request('/api/v1/media/thumbs', { method: 'POST', signal: control.signal, headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ samples: ids }) })
    const images = unpack(await answer.arrayBuffer())
    ids.forEach((id, at) => keep(id, images[at] ?? null))
    drop()
  } catch {
    // What is still in sight is asked for again with the next movement.
  } finally {
    for (const id of ids) if (asking.get(id) === control) asking.delete(id)
  }
}

function flush(): void {
  timer = 0
  const inSight = new Set(wanted)
  for (const control of new Set(asking.values())) {
    if (![...asking].some(([id, its]) => its === control && inSight.has(id))) control.abort()
  }
  const missing = wanted.filter((id) => !urls.has(id) && !absent.has(id) && !asking.has(id))
  for (let at = 0; at < missing.length; at += PACK) void fetchPack(missing.slice(at, at + PACK))
}

/** Asks for the pictures of what is in sight now; what has scrolled past and was not answered is given up. */
export function wantThumbs(ids: string[]): void {
  wanted = ids
  if (!timer) timer = window.setTimeout(flush, 40)
}

/** Asks for a few more beside what is in sight (a strip, a peek). */
export function alsoThumbs(ids: string[]): void {
  const missing = ids.filter((id) => !urls.has(id) && !absent.has(id) && !asking.has(id))
  for (let at = 0; at < missing.length; at += PACK) void fetchPack(missing.slice(at, at + PACK))
}

/** The object URL of a sample's small picture once it is here. */
export function useThumb(id: string): string | undefined {
  return useSyncExternalStore(
    (call) => {
      let calls = listeners.get(id)
      if (!calls) listeners.set(id, (calls = new Set()))
      calls.add(call)
      return () => {
        calls.delete(call)
        if (!calls.size) listeners.delete(id)
      }
    },
    () => urls.get(id),
  )
}

/** A mean colour as CSS; the well's colour where it is unknown. */
export const tint = (colour: number): string => (colour < 0 ? 'var(--well)' : `#${colour.toString(16).padStart(6, '0')}`)
