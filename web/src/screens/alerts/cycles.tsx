import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { api } from '@/api/client'
import { ThingLink } from '@/screens/runs/thing'
import { Wrong } from '@/screens/deployments/deploy'
import { Button } from '@/ui/button'
import { cx } from '@/ui/classes'
import { Confirm } from '@/ui/dialog'
import { moment, span } from '@/ui/format'
import { Tag } from '@/ui/marks'
import { Receipt } from '@/ui/receipt'
import { Loaded } from '@/ui/states'
import { cyclesQuery, type Cycle } from './queries'

const PHASES = ['alerted', 'collecting', 'labeling', 'training', 'gating', 'promoting', 'watching'] as const
const ENDED = new Set(['done', 'failed', 'stopped', 'refused', 'cancelled'])
/** What each phase left that has a screen of its own. */
const LEFT: Record<string, string[]> = { alerted: ['alert'], labeling: ['campaign'], training: ['train_run'], gating: ['evaluate_run'], promoting: ['challenger'] }

/** The cycles of the loop, newest first: each phase with how long it took, what it left and the receipt of the act. */
export function Cycles() {
  const cycles = useQuery({ ...cyclesQuery(), refetchInterval: (query) => (query.state.data?.items.some((one) => !ENDED.has(one.state)) ? 3000 : false) })
  return (
    <section className="min-h-0 grow overflow-auto border-t border-line p-4" tabIndex={0} aria-label="Cycles of the loop">
      <h2 className="mb-3 text-sm font-semibold">Cycles of the loop</h2>
      <Loaded query={cycles} what="Cycles">
        {(found) => (found.items.length === 0 ? <p className="text-ink-2">No policy has acted yet. A policy answers an alert: it collects, has people label, trains, compares and promotes.</p> : <div className="flex flex-col gap-6">{found.items.toReversed().map((one) => <CycleShown key={one.id} cycle={one} />)}</div>)}
      </Loaded>
    </section>
  )
}

/** One cycle as a line of phases. */
export function CycleShown({ cycle }: { cycle: Cycle }) {
  const cache = useQueryClient()
  const [asking, setAsking] = useState(false)
  const path = { params: { path: { cycle: cycle.id } } }
  const options = { onSuccess: () => (setAsking(false), cache.invalidateQueries()) }
  const resume = useMutation({ mutationFn: () => api.POST('/api/v1/cycles/{cycle}/resume', path), ...options })
  const cancel = useMutation({ mutationFn: () => api.POST('/api/v1/cycles/{cycle}/cancel', path), ...options })
  const facts: Record<string, unknown> = { ...cycle.facts, alert: cycle.alert }
  const at = PHASES.indexOf(cycle.state as (typeof PHASES)[number])
  const total = PHASES.reduce((sum, phase) => sum + (cycle.seconds[phase] ?? 0), 0) || 1
  const error = cycle.error as { message?: string; hint?: string }
  return (
    <article className="flex flex-col gap-2">
      <div className="flex flex-wrap items-center gap-x-3 text-xs">
        <span className="text-sm font-medium">{cycle.policy}</span>
        <Tag tone={cycle.state === 'failed' || cycle.state === 'refused' ? 'warn' : 'plain'}>{cycle.state}</Tag>
        <span className="num text-ink-2">{moment(cycle.made_at)}, {span((Date.parse(cycle.moved_at) - Date.parse(cycle.made_at)) / 1000)} from alarm to the newest act</span>
        <span className="ml-auto flex gap-2">
          {['failed', 'stopped', 'refused'].includes(cycle.state) && <Button small needs="loop.write" busy={resume.isPending} onClick={() => resume.mutate()}>Resume</Button>}
          {!ENDED.has(cycle.state) && <Button small needs="loop.write" onClick={() => setAsking(true)}>Cancel</Button>}
        </span>
      </div>
      <Wrong error={resume.error} />
      {error.message && <p className="text-crit">{error.message} {error.hint}</p>}
      <ol className="grid grid-cols-7 gap-px max-md:grid-cols-4 max-md:gap-y-3" aria-label={`Phases of ${cycle.policy}`}>
        {PHASES.map((phase, index) => {
          const seconds = cycle.seconds[phase]
          const current = at === index
          const left = (LEFT[phase] ?? []).flatMap((name) => (typeof facts[name] === 'string' && facts[name] ? [[name, String(facts[name])] as const] : []))
          return (
            <li key={phase} className={cx('flex min-w-0 flex-col gap-0.5 border-t-2 pt-1.5 pr-2 text-xs', seconds !== undefined ? 'border-ink' : current ? 'border-warn' : 'border-line-strong')} aria-current={current ? 'step' : undefined}>
              <span className={cx('truncate', seconds === undefined && !current && 'text-ink-3')}>{phase}</span>
              <span className="num text-2xs text-ink-2" title={seconds === undefined ? undefined : `${Math.round((100 * seconds) / total)} % of the cycle`}>{seconds !== undefined ? span(seconds) : current ? 'now' : '–'}</span>
              {left.map(([name, id]) => <span key={name} className="truncate text-2xs leading-6"><ThingLink id={id}>{name.replaceAll('_', ' ')}</ThingLink></span>)}
              {cycle.receipts[index] && <span className="text-2xs leading-6"><Receipt id={cycle.receipts[index]} /></span>}
            </li>
          )
        })}
      </ol>
      <Confirm open={asking} onOpenChange={setAsking} title={`Cancel this cycle of ${cycle.policy}?`} action="Cancel the cycle" busy={cancel.isPending} onConfirm={() => cancel.mutate()}>
        <p className="text-ink-2">What it has made so far stays; nothing more is done.</p>
        <Wrong error={cancel.error} />
      </Confirm>
    </article>
  )
}
