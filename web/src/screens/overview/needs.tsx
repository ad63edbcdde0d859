import { Link, useParams } from '@tanstack/react-router'
import { ArrowRight } from 'lucide-react'
import { ago, count, moment } from '@/ui/format'
import type { Need } from './types'

/** Where each kind of need is dealt with. */
const DOORS: Record<string, (need: Need) => { to: string; params?: Record<string, string>; search?: Record<string, string>; verb: string }> = {
  review: (need) => ({ to: '/w/$workspace/review/$queue', params: { queue: need.subject }, verb: 'Review' }),
  alert: (need) => ({ to: '/w/$workspace/alerts/$alert', params: { alert: need.subject }, verb: 'Look' }),
  run_failed: (need) => ({ to: '/w/$workspace/runs/$run', params: { run: need.subject }, verb: 'See why' }),
  approval: () => ({ to: '/w/$workspace/models', verb: 'Decide' }),
  quarantine: () => ({ to: '/w/$workspace/sources', search: { tab: 'quarantine' }, verb: 'Look' }),
  schema: () => ({ to: '/w/$workspace/sources', verb: 'Look' }),
  cycle: () => ({ to: '/w/$workspace/alerts', verb: 'Look' }),
}

/** What waits for a person, the longest-waiting first; the top one is the screen's one primary action. */
export function Needs({ needs }: { needs: readonly Need[] }) {
  const { workspace } = useParams({ from: '/w/$workspace' })
  if (needs.length === 0) return <p className="py-2 text-ink-2">Nothing. The loop runs by itself.</p>
  return (
    <ul className="flex flex-col">
      {needs.map((need, index) => {
        const door = DOORS[need.kind]?.(need) ?? { to: '/w/$workspace/audit', verb: 'Look' }
        return (
          <li key={`${need.kind}${need.subject}`} className="flex min-h-9 items-center gap-3 border-b border-line py-1 last:border-0">
            <span className="num w-12 shrink-0 text-right font-semibold">{count(need.count)}</span>
            <span className="min-w-0 grow truncate">{need.title}</span>
            <time dateTime={need.since} title={moment(need.since)} className="num shrink-0 text-xs text-ink-3">
              {ago(need.since)}
            </time>
            <Link
              to={door.to as '/w/$workspace'}
              params={{ workspace, ...door.params } as never}
              search={door.search as never}
              aria-label={`${door.verb}: ${need.title}`}
              className={index === 0 ? 'inline-flex h-7 shrink-0 items-center gap-1 rounded-md bg-ink px-2.5 font-medium text-bg hover:opacity-90' : 'inline-flex h-7 shrink-0 items-center gap-1 rounded-md border border-line-strong px-2.5 hover:bg-raised'}
            >
              {door.verb}
              <ArrowRight size={13} aria-hidden />
            </Link>
          </li>
        )
      })}
    </ul>
  )
}
