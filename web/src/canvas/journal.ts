/** What a person did and the server has not acknowledged: kept on this machine first, then sent in order. */

export type Operation = { op: 'put' | 'remove' | 'restore'; object: string; expected_revision: number | null; duration_s?: number; [field: string]: unknown }
export type Entry = {
  id: number
  /** The page that made it; another page takes it over once that one is gone. */
  page: string
  workspace: string
  path: string
  body: Record<string, unknown> & { operations?: Operation[] }
  /** Names the request; set once it was tried, so that a repeat is the same request. */
  key: string
  at: number
  /** Set where the server holds something else: kept until the person chose. */
  conflict?: Conflict
}
export type Conflict = { object: string; expected_revision: number | null; revision: number; theirs: unknown }
export type Answer = Record<string, unknown> & { objects?: { id: string; revision: number }[]; conflicts?: Conflict[] }

/** Where entries and drafts are kept. */
export interface Store {
  add(entry: Omit<Entry, 'id'>): Promise<number>
  all(): Promise<Entry[]>
  put(entries: readonly Entry[]): Promise<void>
  remove(ids: readonly number[]): Promise<void>
}

type Refusal = Error & { retryable?: boolean; status?: number }
type Waiting = { done: (answer: Answer) => void; failed: (error: Error) => void }

export type Hooks = {
  /** Sends one request. What it raises is tried again where `retryable` or without a status. */
  send: (entry: Pick<Entry, 'path' | 'body' | 'key' | 'workspace'>) => Promise<Answer>
  /** How many entries wait; `saved` when some were just acknowledged. */
  tell: (pending: number, saved: boolean) => void
  refused?: (entries: readonly Entry[], error: Error) => void
  answered?: (entries: readonly Entry[], answer: Answer) => void
  sleep?: (ms: number) => Promise<void>
  now?: () => number
}

const GATHER_MS = 700
const LONGEST_MS = 30_000
const MOST_OPERATIONS = 500

/** Several operations on one object as the last of them; what was made and removed before it was sent is nothing. */
export function condensed(operations: readonly Operation[]): Operation[] {
  const kept = new Map<string, Operation>()
  for (const one of operations) {
    const first = kept.get(one.object)
    kept.delete(one.object)
    const unknown = (first ?? one).expected_revision === 0
    const fresh = first !== undefined && unknown && first.op !== one.op && (one.op === 'restore' || (one.op === 'remove' && first.op === 'put'))
    if (fresh) continue
    kept.set(one.object, first ? { ...one, expected_revision: first.expected_revision, duration_s: (first.duration_s ?? 0) + (one.duration_s ?? 0) } : one)
  }
  return [...kept.values()]
}

export class Journal {
  private queue: Entry[] = []
  private readonly waiting = new Map<number, Waiting>()
  private readonly revisions = new Map<string, number>()
  private pumping = false
  private adding = 0
  private adopted: Promise<void> = Promise.resolve()
  private idle: (() => void)[] = []
  private wake: (() => void) | null = null

  constructor(
    private readonly store: Store,
    private readonly hooks: Hooks,
    readonly page: string,
  ) {}

  /** Takes over what each other page left behind, oldest first, once `gone` calls back because that page is no more. */
  adopt(gone: (page: string, take: () => Promise<void>) => Promise<void>): Promise<void> {
    this.adopted = this.store.all().then(async (entries) => {
      const others = new Set(entries.map((one) => one.page).filter((one) => one !== this.page))
      await Promise.all([...others].map((page) => gone(page, () => this.take(page))))
    })
    return this.adopted
  }

  private async take(page: string): Promise<void> {
    const left = (await this.store.all()).filter((one) => one.page === page).map((one) => ({ ...one, page: this.page }))
    await this.store.put(left)
    this.queue = [...this.queue, ...left.filter((one) => !one.conflict)].sort((a, b) => a.id - b.id)
    this.tell(false)
    void this.pump()
  }

  /** Resolves once the server has all that was done before: here, and on pages that were gone when this one began. */
  async drained(): Promise<void> {
    await this.adopted
    while (this.pending) await new Promise<void>((done) => this.idle.push(done))
  }

  get pending(): number {
    return this.queue.length + this.adding
  }

  /** Resolves once the server answered; the request is on this machine's disk before anything is sent. */
  async post(workspace: string, path: string, body: Entry['body']): Promise<Answer> {
    const made = { page: this.page, workspace, path, body, key: '', at: this.now() }
    this.adding += 1
    const entry: Entry = { ...made, id: await this.store.add(made).catch((error: unknown) => this.unkept(error)) }
    this.adding -= 1
    this.queue.push(entry)
    this.tell(false)
    const answer = new Promise<Answer>((done, failed) => this.waiting.set(entry.id, { done, failed }))
    void this.pump()
    return answer
  }

  private unkept(error: unknown): never {
    this.adding -= 1
    this.tell(false)
    throw error
  }

  /** Sends now what is being gathered or waits for the network. */
  hurry(): void {
    this.wake?.()
  }

  /** What the server held otherwise, of one path; it stays until `settle`. */
  async conflicts(workspace: string, path?: string): Promise<Entry[]> {
    return (await this.store.all()).filter((one) => one.conflict && one.workspace === workspace && (!path || one.path === path))
  }

  async settle(entry: Entry): Promise<void> {
    await this.store.remove([entry.id])
  }

  private now(): number {
    return (this.hooks.now ?? Date.now)()
  }

  private tell(saved: boolean): void {
    this.hooks.tell(this.pending, saved)
    if (!this.pending) for (const done of this.idle.splice(0)) done()
  }

  private async pause(ms: number): Promise<void> {
    const asleep = (this.hooks.sleep ?? ((for_ms) => new Promise<void>((done) => setTimeout(done, for_ms))))(ms)
    await Promise.race([asleep, new Promise<void>((done) => (this.wake = done))])
    this.wake = null
  }

  private async pump(): Promise<void> {
    if (this.pumping) return
    this.pumping = true
    try {
      for (let wait_ms = 500; this.queue.length; ) {
        const head = this.queue[0]!
        const young = GATHER_MS - (this.now() - head.at)
        if (head.body.operations && !head.key && this.queue.length === this.batch().length && young > 0) await this.pause(young)
        const batch = await this.keyed(this.batch())
        try {
          const answer = await this.sendBatch(batch)
          wait_ms = 500
          await this.close(batch, answer)
        } catch (error) {
          const problem = error as Refusal
          const again = problem.retryable ?? !problem.status
          if (again || problem.status === 401) {
            await this.pause(wait_ms)
            wait_ms = Math.min(wait_ms * 2, LONGEST_MS)
          } else await this.refuse(batch, problem)
        }
      }
    } finally {
      this.pumping = false
    }
  }

  /** The entries that go as one request: one, or neighbours with operations on the same sample. */
  private batch(): Entry[] {
    const [head, ...rest] = this.queue
    if (!head!.body.operations) return [head!]
    if (head!.key) return [head!, ...rest.filter((one) => one.key === head!.key)]
    const batch = [head!]
    for (const one of rest) {
      if (one.key || one.path !== head!.path || one.workspace !== head!.workspace || one.body.schema !== head!.body.schema || !one.body.operations || batch.length >= MOST_OPERATIONS) break
      batch.push(one)
    }
    return batch
  }

  /** The batch with its key on disk: after a crash the same request is sent again, and the server knows it. */
  private async keyed(batch: Entry[]): Promise<Entry[]> {
    if (batch[0]!.key) return batch
    const key = [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('')
    for (const entry of batch) {
      entry.key = key
      for (const one of entry.body.operations ?? []) one.expected_revision = this.revisions.get(placeOf(entry, one.object)) ?? one.expected_revision
    }
    await this.store.put(batch)
    return batch
  }

  private async sendBatch(batch: readonly Entry[]): Promise<Answer> {
    const [head] = batch
    if (!head!.body.operations) return this.hooks.send(head!)
    const operations = condensed(batch.flatMap((one) => one.body.operations!))
    return operations.length ? this.hooks.send({ ...head!, body: { ...head!.body, operations } }) : { objects: [], conflicts: [] }
  }

  private async close(batch: readonly Entry[], answer: Answer): Promise<void> {
    const head = batch[0]!
    for (const one of head.body.operations ? (answer.objects ?? []) : []) this.revisions.set(placeOf(head, one.id), one.revision)
    const clashing = head.body.operations ? (answer.conflicts ?? []) : []
    for (const conflict of clashing) {
      const mine = batch.flatMap((one) => one.body.operations!).findLast((one) => one.object === conflict.object)!
      const { page, workspace, path, at } = head
      // What comes after is compared with what the person saw, not with what stood here before.
      this.revisions.delete(placeOf(head, conflict.object))
      const older = (await this.conflicts(workspace, path)).filter((one) => one.conflict!.object === conflict.object && one.body.schema === head.body.schema)
      await this.store.remove(older.map((one) => one.id))
      await this.store.add({ page, workspace, path, at, key: '', body: { ...head.body, operations: [mine] }, conflict })
    }
    await this.drop(batch)
    this.tell(true)
    this.hooks.answered?.(batch, answer)
    for (const one of batch) this.waiting.get(one.id)?.done(answer)
    for (const one of batch) this.waiting.delete(one.id)
  }

  private async refuse(batch: readonly Entry[], error: Error): Promise<void> {
    await this.drop(batch)
    this.tell(false)
    this.hooks.refused?.(batch, error)
    for (const one of batch) this.waiting.get(one.id)?.failed(error)
    for (const one of batch) this.waiting.delete(one.id)
  }

  private async drop(batch: readonly Entry[]): Promise<void> {
    const ids = new Set(batch.map((one) => one.id))
    await this.store.remove([...ids])
    this.queue = this.queue.filter((one) => !ids.has(one.id))
  }
}

const placeOf = (entry: Entry, object: string): string => `${entry.workspace} ${entry.path} ${String(entry.body.schema)} ${object}`
