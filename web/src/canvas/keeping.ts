import { request } from '@/api/client'
import { connection } from '@/api/connection'
import { undo } from '@/shell/undo'
import { Journal, type Answer, type Entry, type Store } from './journal'
import { newId } from '@/api/new-id'

const ENTRIES = 'entries'
const DRAFTS = 'drafts'

/** This machine's database; null where the browser keeps none (some private windows). */
const base: Promise<IDBDatabase | null> = new Promise((done) => {
  try {
    const opening = indexedDB.open('sightloop', 1)
    opening.onupgradeneeded = () => {
      opening.result.createObjectStore(ENTRIES, { keyPath: 'id', autoIncrement: true })
      opening.result.createObjectStore(DRAFTS)
    }
    opening.onsuccess = () => done(opening.result)
    opening.onerror = () => done(null)
  } catch {
    done(null)
  }
})

async function within<T>(name: string, mode: IDBTransactionMode, work: (store: IDBObjectStore) => IDBRequest<T> | null): Promise<T | undefined> {
  const database = await base
  if (!database) return undefined
  return new Promise((done, failed) => {
    const transaction = database.transaction(name, mode)
    const asked = work(transaction.objectStore(name))
    transaction.commit() // at once: one that waits for its answer is gone with a page that is left now
    transaction.oncomplete = () => done(asked?.result)
    transaction.onerror = transaction.onabort = () => failed(transaction.error ?? new Error('The browser could not keep the change.'))
  })
}

let unkept = 0
const store: Store = {
  add: async (entry) => Number((await within(ENTRIES, 'readwrite', (it) => it.add(entry))) ?? --unkept + 1e15),
  all: async () => ((await within(ENTRIES, 'readonly', (it) => it.getAll())) ?? []) as Entry[],
  put: async (entries) => void (await within(ENTRIES, 'readwrite', (it) => (entries.forEach((one) => it.put(one)), null))),
  remove: async (ids) => void (await within(ENTRIES, 'readwrite', (it) => (ids.forEach((id) => it.delete(id)), null))),
}

/** What was drawn for an item that is not answered yet. */
export const drafts = {
  get: (item: string): Promise<unknown> => within(DRAFTS, 'readonly', (it) => it.get(item)),
  put: async (item: string, value: unknown): Promise<void> => void (await within(DRAFTS, 'readwrite', (it) => it.put(value, item))),
  drop: async (item: string): Promise<void> => void (await within(DRAFTS, 'readwrite', (it) => it.delete(item))),
}

type Listener = (entries: readonly Entry[], answer: Answer) => void
const listeners = new Set<Listener>()
const page = newId()
const lockOf = (one: string): string => `sightloop.page.${one}`

/** The journal of this page: it sends what this page did, and what pages that are gone left behind. */
export const journal = new Journal(
  store,
  {
    send: async ({ path, body, key, workspace }) => {
      const answer = await request(path, { method: 'POST', body: JSON.stringify(body), headers: { 'Content-Type': 'application/json', 'Idempotency-Key': key, 'Sightloop-Workspace': workspace } })
      return (answer.status === 204 ? {} : await answer.json()) as Answer
    },
    tell: connection.keeping,
    answered: (entries, answer) => listeners.forEach((listener) => listener(entries, answer)),
    refused: (entries, error) => undo.say(`${entries.length === 1 ? 'A change was' : `${entries.length} changes were`} refused: ${error.message}`),
  },
  page,
)

/** Calls back with every answer to the journal until the returned function is called. */
export function onAnswer(listener: Listener): () => void {
  listeners.add(listener)
  return () => void listeners.delete(listener)
}

const LONGEST_FAREWELL_MS = 1000
// A lock that is held as long as the page lives tells other pages not to send its entries. The page that this one replaces
// lets go of its own a moment later; that of another tab is waited for without holding anything up. Where there are no locks
// (a page that is not on a secure origin) all is taken over at once: the key makes a second sending harmless.
if (navigator.locks) void navigator.locks.request(lockOf(page), () => new Promise(() => {}))
const gone = async (one: string, take: () => Promise<void>): Promise<void> => {
  if (!navigator.locks) return take()
  await Promise.race([navigator.locks.request(lockOf(one), take), new Promise((done) => setTimeout(done, LONGEST_FAREWELL_MS))])
}
void journal.adopt(gone)
addEventListener('online', () => journal.hurry())
addEventListener('visibilitychange', () => journal.hurry())
