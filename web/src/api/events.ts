import { useEffect } from 'react'
import { request } from './client'

/** One event of the workspace, as the server's outbox numbered it. */
export type LoopEvent = { sequence: number; type: string; time: string; subject: string; data: Record<string, unknown> }

type Listener = (event: LoopEvent) => void
const listeners = new Set<Listener>()
let stop: AbortController | null = null

/** Calls back for each new event while the component is shown. All components share one stream. */
export function useEvents(listener: Listener): void {
  useEffect(() => {
    listeners.add(listener)
    if (!stop) void follow((stop = new AbortController()))
    return () => void listeners.delete(listener)
  }, [listener])
}

/** Ends the stream; the next `useEvents` opens a new one (after a change of workspace). */
export function dropEvents(): void {
  stop?.abort()
  stop = null
}

async function follow(control: AbortController): Promise<void> {
  let after: number | null = null
  for (let wait_ms = 500; !control.signal.aborted; wait_ms = Math.min(wait_ms * 2, 15_000)) {
    try {
      after ??= await newest(control.signal)
      const answer = await request(`/api/v1/events?after=${after}`, { signal: control.signal, headers: { Accept: 'text/event-stream' } })
      for await (const [id, text] of messages(answer)) {
        after = Math.max(after, id)
        wait_ms = 500
        const event = JSON.parse(text) as Record<string, unknown>
        tell({ sequence: id, type: String(event.type ?? ''), time: String(event.time ?? ''), subject: String(event.subject ?? ''), data: (event.data ?? {}) as Record<string, unknown> })
      }
    } catch {
      if (control.signal.aborted) return
    }
    await new Promise((done) => setTimeout(done, wait_ms))
  }
}

function tell(event: LoopEvent): void {
  for (const listener of [...listeners]) listener(event)
}

/** The sequence of the newest event: a page that opens wants what comes, not the whole past. */
async function newest(signal: AbortSignal): Promise<number> {
  const answer = await request('/api/v1/events/newest', { signal })
  return Number(((await answer.json()) as { sequence: number }).sequence)
}

async function* messages(answer: Response): AsyncGenerator<[number, string]> {
  const reader = answer.body!.pipeThrough(new TextDecoderStream()).getReader()
  let kept = ''
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return
    kept += value
    for (let end = kept.indexOf('\n\n'); end >= 0; end = kept.indexOf('\n\n')) {
      const lines = kept.slice(0, end).split('\n')
      kept = kept.slice(end + 2)
      const field = (name: string) => lines.filter((line) => line.startsWith(name + ':')).map((line) => line.slice(name.length + 1).trim())
      const data = field('data').join('\n')
      if (data) yield [Number(field('id')[0] ?? 0), data]
    }
  }
}
