import { journal } from '@/canvas/keeping'
import { undo } from '@/shell/undo'
import { free } from './asking'
import { posted, type Item } from './data'

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
  private lastAnswer: Promise<unknown> = Promise.resolve()
  private ended = false
  onCounts: () => void = () => {}

  constructor(
    readonly workspace: string,
    readonly campaign: string,
    private readonly open: () => Promise<Item[]>,
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
    this.ended = true
  }

  /** Leases the next question from the server, after every answer is with it. */
  async fetch(): Promise<void> {
    this.ended = false
    this.set({ waiting: true, error: null })
    try {
      await this.lastAnswer
      const { item } = await posted<{ item: Item | null }>('/queue/next', { campaign: this.campaign })
      const upcoming = item ? free(await this.open(), item.id) : []
      if (!this.ended) this.set({ item, upcoming, waiting: false, over: item === null })
    } catch (error) {
      if (!this.ended) this.set({ waiting: false, error })
    }
    this.onCounts()
  }

  answer(verb: Verb, label = ''): void {
    const { item, upcoming, given } = this.state
    if (!item || this.shownAt === 0 || (verb === 'accept' && !item.suggestion)) return
    const given_label = verb === 'accept' ? item.suggestion : label
    const duration_s = Math.round(performance.now() - this.shownAt) / 1000
    this.shownAt = 0
    const one: Given = { item, verb, label: given_label, duration_s }
    this.sending(journal.post(this.workspace, `/api/v1/queue/items/${item.id}/answer`, { verb, ...(verb === 'fix' ? { label } : {}), duration_s }))
    undo.done({ label: given_label ? `Labelled ${given_label}` : verb === 'skip' ? 'Skipped' : 'Rejected', undo: () => this.takeBack(one) }, true)
    const [next = null, ...rest] = upcoming
    this.set({ item: next, upcoming: rest, given: [...given, one], waiting: next === null })
    if (!next) void this.fetch()
  }

  private sending(answer: Promise<unknown>): void {
    const settled = answer.then(
      () => this.confirm(),
      () => this.fetch(),
    )
    this.lastAnswer = answer.catch(() => {})
    void settled
  }

  /** Once all is sent: the question on the screen becomes the caller's, or another one takes its place. */
  private async confirm(): Promise<void> {
    this.onCounts()
    if (journal.pending || this.ended || this.state.waiting) return
    const before = this.state.item
    const { item } = await posted<{ item: Item | null }>('/queue/next', { campaign: this.campaign }).catch(() => ({ item: before }))
    if (this.ended || journal.pending || this.state.item !== before || item?.id === before?.id) return
    this.set({ item, upcoming: free(await this.open().catch(() => this.state.upcoming), item?.id ?? ''), over: item === null })
  }

  private async takeBack(one: Given): Promise<void> {
    const { item, upcoming, given } = this.state
    this.shownAt = 0
    this.set({ item: one.item, upcoming: item ? [item, ...upcoming] : upcoming, given: given.filter((other) => other !== one), waiting: false, over: false })
    const answer = journal.post(this.workspace, '/api/v1/queue/undo', {})
    this.lastAnswer = answer.catch(() => {})
    await answer.then(
      () => this.onCounts(),
      () => this.set({ item, upcoming, given }),
    )
  }
}
