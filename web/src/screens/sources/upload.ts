import { useSyncExternalStore } from 'react'
import { api, request } from '@/api/client'
import { Problem } from '@/api/problem'

/** A batch of files on their way: it goes on while other screens are open. */
export type Upload = {
  files: number
  bytes: number
  sent: number
  sentBytes: number
  startedAt: number
  state: 'sending' | 'starting' | 'done' | 'stopped' | 'failed'
  failed: { name: string; why: string }[]
  run: string
}
export type Dropped = { name: string; file: File }

const PARALLEL = 4
const TRIES = 3

let now: Upload | null = null
let control: AbortController | null = null
const listeners = new Set<() => void>()

function set(next: Upload | null): void {
  now = next
  for (const tell of listeners) tell()
}
const change = (next: Partial<Upload>) => now && set({ ...now, ...next })

export const useUpload = (): Upload | null =>
  useSyncExternalStore(
    (tell) => {
      listeners.add(tell)
      return () => void listeners.delete(tell)
    },
    () => now,
  )

/** Stops what is being sent; nothing of it becomes a sample. */
export function stopUpload(): void {
  control?.abort()
  change({ state: 'stopped' })
}

export const forgetUpload = () => set(null)

/** Sends the files, four at a time, then starts the run that makes samples of them. */
export async function sendFiles(dropped: readonly Dropped[]): Promise<void> {
  if (!dropped.length || now?.state === 'sending') return
  control = new AbortController()
  const { signal } = control
  set({ files: dropped.length, bytes: dropped.reduce((all, one) => all + one.file.size, 0), sent: 0, sentBytes: 0, startedAt: Date.now(), state: 'sending', failed: [], run: '' })
  const staged: { name: string; digest: string }[] = []
  let next = 0
  const lane = async () => {
    for (let at = next++; at < dropped.length && !signal.aborted; at = next++) {
      const { name, file } = dropped[at]!
      try {
        staged.push({ name, digest: await send(name, file, signal) })
      } catch (error) {
        if (signal.aborted) return
        change({ failed: [...now!.failed, { name, why: error instanceof Problem ? error.message : 'The file could not be read.' }] })
      }
      change({ sent: now!.sent + 1, sentBytes: now!.sentBytes + file.size })
    }
  }
  await Promise.all(Array.from({ length: PARALLEL }, lane))
  if (signal.aborted) return
  if (!staged.length) return change({ state: 'failed' }) as undefined
  change({ state: 'starting' })
  staged.sort((a, b) => (a.name < b.name ? -1 : 1))
  try {
    const { data } = await api.POST('/api/v1/ingests', { body: { source: { kind: 'upload', files: staged } } })
    change({ state: 'done', run: (data as unknown as { id: string }).id })
  } catch (error) {
    change({ state: 'failed', failed: [...now!.failed, { name: 'The ingest', why: error instanceof Problem ? error.message : 'It could not be started.' }] })
  }
}

async function send(name: string, file: File, signal: AbortSignal): Promise<string> {
  for (let tried = 1; ; tried++) {
    try {
      const answer = await request(`/api/v1/uploads?name=${encodeURIComponent(name)}`, { method: 'POST', body: file, signal, headers: { 'Content-Type': 'application/octet-stream' } })
      return ((await answer.json()) as { digest: string }).digest
    } catch (error) {
      if (signal.aborted || tried === TRIES || !(error instanceof Problem && error.retryable)) throw error
      await new Promise((done) => setTimeout(done, 500 * 2 ** tried))
    }
  }
}

/** All files of a drop, those in folders by their path; hidden ones are left out. */
export async function filesOf(transfer: DataTransfer): Promise<Dropped[]> {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter((one): one is FileSystemEntry => !!one)
  if (!entries.length) return [...transfer.files].map((file) => ({ name: file.name, file }))
  const found: Dropped[] = []
  const walk = async (entry: FileSystemEntry, path: string): Promise<void> => {
    if (entry.name.startsWith('.')) return
    const name = path ? `${path}/${entry.name}` : entry.name
    if (entry.isFile) return void found.push({ name, file: await new Promise<File>((done, failed) => (entry as FileSystemFileEntry).file(done, failed)) })
    const reader = (entry as FileSystemDirectoryEntry).createReader()
    for (;;) {
      // A reader answers at most a hundred entries at a time, and none at the end.
      const some = await new Promise<FileSystemEntry[]>((done, failed) => reader.readEntries(done, failed))
      if (!some.length) return
      for (const one of some) await walk(one, name)
    }
  }
  for (const entry of entries) await walk(entry, '')
  return found
}
