import type { Journal } from '@/canvas/journal'
import type { Undoable } from '@/shell/undo'
import { free } from './asking'
import type { Item } from './data'

export type Verb = 'accept' | 'fix' | 'reject' | 'skip'
export type Given = { item: Item; verb: Verb; label: string; duration_s: number }
export type LineState = {
  item: Item | null
  upcoming: Item[]
  given: Given[]
  /** Fetching, or the campaign is choosing what to ask next. */
  waiting: boolean
  over: boolean
  error: unknown
}

/**
 * The questions of a campaign, one after the other. The next one shows at once: answers go through the journal, and the
 * order of what is open is known beforehand. What somebody else took meanwhile is replaced before it is answered.
 */
export class Line {
  state: LineState = { item: null, upcoming: [], given: [], waiting: true, over: false, error: null }
  private readonly listeners = new Set<() => void>()
  private shownAt = 0
  /** Counts what the person did: what was asked of the server before that is out of date. */
  private turn = 0
  onCounts: () => void = () => {}

  constructor(
    readonly workspace: string,
    readonly campaign: string,
    private readonly journal: Pick<Journal, 'post' | 'drained' | 'pending'>,
    private readonly server: { next: (campaign: string) => Promise<Item | null>; open: () => Promise<Item[]> },
    private readonly did: (one: Undoable) => void,
  ) {}

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener)
    return () => void this.listeners.delete(listener)
  }
  snapshot = (): LineState => this.state

  private set(next: Partial<LineState>): void {
    this.state = { ...this.state, ...next }
    for (const listener of this.listeners) listener()
  }

  /** The picture of the current question is on the screen: the clock of its answer starts. */
  shown(): void {
    this.shownAt = performance.now()
  }

  end(): void {
    this.turn += 1
  }

  /** Leases the next question from the server, after every answer is with it, those of the page before this one too. */
  async fetch(): Promise<void> {
    const mine = ++this.turn
    this.set({ waiting: true, error: null })
    try {
      await this.journal.drained()
      const item = await this.server.next(this.campaign)
      const upcoming = item ? free(await this.server.open(), item.id) : []
      if (mine === this.turn) this.set({ item, upcoming, waiting: false, over: item === null })
    } catch (error) {
      if (mine === this.turn) this.set({ waiting: false, error })
    }
    this.onCounts()
  }

  answer(verb: Verb, label = ''): void {
    const { item, upcoming, given } = this.state
    if (!item || this.shownAt === 0 || (verb === 'accept' && !item.suggestion)) return
    const given_label = verb === 'accept' ? item.suggestion : label
    const duration_s = Math.round(performance.now() - this.shownAt) / 1000
    const one: Given = { item, verb, label: given_label, duration_s }
    const [next = null, ...rest] = upcoming
    this.shownAt = 0
    this.turn += 1
    const sent = this.journal.post(this.workspace, `/api/v1/queue/items/${item.id}/answer`, { verb, ...(verb === 'fix' ? { label } : {}), duration_s })
    this.did({ label: given_label ? `Labelled ${given_label}` : verb === 'skip' ? 'Skipped' : 'Rejected', undo: () => this.takeBack(one) })
    this.set({ item: next, upcoming: rest, given: [...given, one], waiting: next === null })
    void sent.then(
      () => this.confirm(),
      () => this.fetch(),
    )
    if (!next) void this.fetch()
  }

  /** Once all is sent: the question on the screen becomes the caller's, or another one takes its place. */
  private async confirm(): Promise<void> {
    this.onCounts()
    if (this.journal.pending || this.state.waiting) return
    const mine = this.turn
    const before = this.state.item
    const item = await this.server.next(this.campaign).catch(() => before)
    if (mine !== this.turn || item?.id === before?.id) return
    const upcoming = free(await this.server.open().catch(() => this.state.upcoming), item?.id ?? '')
    if (mine === this.turn) this.set({ item, upcoming, over: item === null })
  }

  private async takeBack(one: Given): Promise<void> {
    const { item, upcoming, given } = this.state
    this.shownAt = 0
    this.turn += 1
    this.set({ item: one.item, upcoming: item ? [item, ...upcoming] : upcoming, given: given.filter((other) => other !== one), waiting: false, over: false })
    await this.journal.post(this.workspace, '/api/v1/queue/undo', {}).then(
      () => this.onCounts(),
      () => this.fetch(),
    )
  }
}
