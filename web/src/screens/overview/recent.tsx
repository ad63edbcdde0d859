import { useQuery } from '@tanstack/react-query'
import { useCallback, useState } from 'react'
import { request } from '@/api/client'
import { useEvents, type LoopEvent } from '@/api/events'
import { asked } from '@/api/client'
import { ago, moment } from '@/ui/format'
import { Copyable } from '@/ui/states'

const SHOWN = 30
// Sign-ins are in the audit; here they would drown what the loop does.
const quiet = (event: LoopEvent) => event.type.startsWith('sightloop.key.') || event.type.startsWith('sightloop.owner_link.')

/** What happened last, as it happens. */
export function Recent() {
  const [live, setLive] = useState<LoopEvent[]>([])
  useEvents(useCallback((event: LoopEvent) => setLive((held) => [event, ...held].slice(0, SHOWN)), []))
  const past = useQuery(
    asked(['events', 'newest'], async (signal) => {
      const answer = await request(`/api/v1/events/newest?limit=${SHOWN * 3}`, { signal })
      return { data: (await answer.json()) as { items: LoopEvent[] } }
    }),
  )
  const seen = new Set(live.map((event) => event.sequence))
  const events = [...live, ...(past.data?.items ?? []).filter((event) => !seen.has(event.sequence))].filter((event) => !quiet(event)).slice(0, SHOWN)
  if (past.isSuccess && events.length === 0) return <p className="py-2 text-ink-2">Nothing has happened yet.</p>
  return (
    <ol className="flex flex-col">
      {events.map((event) => (
        <li key={event.sequence} className="flex h-7 items-center gap-3 border-b border-line last:border-0">
          <time dateTime={event.time} title={moment(event.time)} className="num w-20 shrink-0 text-xs text-ink-3">
            {ago(event.time)}
          </time>
          <span className="truncate">{sentence(event.type)}</span>
          <Copyable text={event.subject} short={16} className="ml-auto shrink-0" />
        </li>
      ))}
    </ol>
  )
}

/** "sightloop.model.version_registered" as "Model version registered". */
function sentence(type: string): string {
  const words = type.replace(/^sightloop\./, '').replace(/[._]/g, ' ')
  return words.charAt(0).toUpperCase() + words.slice(1)
}
