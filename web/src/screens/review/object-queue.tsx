import { useQuery } from '@tanstack/react-query'
import { Link, useParams } from '@tanstack/react-router'
import { CheckCheck } from 'lucide-react'
import { useCallback, useEffect, useMemo, useState } from 'react'
import type { Ghost } from '@/canvas/engine'
import { bindKeys } from '@/shell/keys'
import { useRight } from '@/shell/session'
import { Button } from '@/ui/button'
import { count, decimal, percent } from '@/ui/format'
import { Tag } from '@/ui/marks'
import { Page } from '@/ui/page'
import { Empty, Failed, Loaded, Progress } from '@/ui/states'
import { pace } from './asking'
import { approval } from './bench-of'
import { Through, useBeside } from './beside'
import { SampleName } from './campaign'
import { Conflicts, useConflicts } from './conflicts'
import { fetched, schemaQuery, type ReviewQueue, type Schema } from './data'
import { useObjectLine } from './object-line'
import { Opinions } from './opinions'
import { ReasonDialog } from './reason'
import { initials } from './saving'
import { Workbench } from './workbench'

/** Images with objects, one after the other: approve, fix, reject, send back, adjudicate. */
export function ObjectQueueScreen({ id }: { id: string }) {
  const queue = useQuery(fetched<ReviewQueue>(['review-queues', id], `/review-queues/${id}`))
  const schema = useQuery(schemaQuery(queue.data?.schema ?? ''))
  return (
    <Loaded query={queue} what="This queue">
      {(found) => (
        <Loaded query={schema} what="The queue's classes">
          {(classes) => <Reviewing key={found.id} queue={found} schema={found.mode === 'class' ? { ...classes, geometry_types: ['class'] } : classes} />}
        </Loaded>
      )}
    </Loaded>
  )
}

function Reviewing({ queue, schema }: { queue: ReviewQueue; schema: Schema }) {
  const { workspace } = useParams({ from: '/w/$workspace' })
  const may = useRight('label')
  const [asksReason, setAsksReason] = useState(false)
  const [tags, setTags] = useState(true)
  const { work, now, state, given, send, next } = useObjectLine(queue.id, may.held, schema.geometry_types.includes('cuboid'))
  const approve = useCallback(() => now.current && send(approval(now.current, Math.round(performance.now() - now.current.shownAt) / 1000), 'Approved'), [send, now])

  useEffect(
    () =>
      bindKeys({
        'Shift+Enter': { label: 'Approve and next', group: 'Answer', run: () => approve() },
        'Shift+x': { label: 'Reject the image', group: 'Answer', run: () => send({ verb: 'reject' }, 'Rejected the image') },
        'Shift+k': { label: 'Skip', group: 'Answer', run: () => send({ verb: 'skip' }, 'Skipped') },
        r: { label: 'Send back with a reason', group: 'Answer', run: () => now.current && !now.current.item.blind && setAsksReason(true) },
        g: { label: "Show or hide others' objects", group: 'View', run: () => setTags((on) => !on), enabled: () => now.current?.item.kind === 'adjudicate' },
      }),
    [approve, send, now],
  )

  const conflicts = useConflicts(workspace, work)
  const beside = useBeside(work?.item.sample ?? '')
  const ghosts = useMemo<Ghost[]>(() => {
    const theirs = conflicts.items.flatMap((one): Ghost[] => (one.theirs ? [{ shape: one.theirs, label: one.theirs.label, tag: `theirs: ${one.theirs.label}`, tone: 'conflict' }] : []))
    const others = work?.item.kind === 'adjudicate' && tags ? work.item.answers.flatMap((one) => (one.objects ?? []).filter((it) => it.id !== '').map((it): Ghost => ({ shape: it, label: it.label, tag: `${initials(one.author)} ${it.label}`, tone: 'ghost' }))) : []
    return [...others, ...theirs]
  }, [work, conflicts.items, tags])

  const adjudicates = work?.item.kind === 'adjudicate'
  const mine = pace(given)
  return (
    <Page
      title={
        <>
          <Link to="/w/$workspace/review" params={{ workspace }} className="text-ink-2 underline decoration-line-strong underline-offset-2 hover:text-ink">
            Review
          </Link>
          <span className="mx-1.5 text-ink-3">/</span>
          {queue.name}
        </>
      }
      sub={work && <SampleName id={work.item.sample} />}
      actions={
        <>
          <span className="num text-xs text-ink-2">
            {count(queue.counts.open)} open{queue.counts.adjudicate > 0 && `, ${count(queue.counts.adjudicate)} to adjudicate`}
          </span>
          {work && (
            <>
              <Button keys="R" needs="label" disabled={work.item.blind} tip={work.item.blind ? 'Blind answers are not sent back' : undefined} onClick={() => setAsksReason(true)}>
                Send back
              </Button>
              <Button look="primary" keys="⇧ ⏎" needs="label" onClick={approve}>
                {adjudicates ? 'Decide and next' : 'Approve and next'}
              </Button>
            </>
          )}
        </>
      }
    >
      <Progress busy={state.waiting && may.held} />
      <div className="flex h-full min-h-0 flex-col">
      <div className="min-h-0 grow">
      <Workbench
        shown={work}
        schema={schema}
        editable={may.held && work !== null}
        ghosts={ghosts}
        live={(engine, ground) => <Through engine={engine} ground={ground} schema={schema} beside={beside} />}
        first={queue.geometry}
        above={
          work && (
            <>
              {(adjudicates || work.item.blind || work.item.reason) && (
                <div className="flex items-start gap-2 border-b border-line p-3 text-xs text-ink-2">
                  <span className="shrink-0">
                    <Tag tone={work.item.reason ? 'warn' : 'plain'}>{work.item.reason ? 'Sent back' : adjudicates ? 'Adjudicate' : 'Blind'}</Tag>
                  </span>
                  <span>{work.item.reason || (adjudicates ? `Agreement ${percent(work.item.agreement, 0)}. What you leave on the image is what stands.` : 'Others answer too; nobody sees what the others drew.')}</span>
                </div>
              )}
              <Conflicts list={conflicts} work={work} workspace={workspace} />
              {adjudicates && <Opinions item={work.item} document={work.document} shown={tags} toggle={() => setTags((on) => !on)} />}
            </>
          )
        }
        below={
          given.length > 0 && (
            <dl className="num grid shrink-0 grid-cols-3 gap-2 border-t border-line p-3 text-xs">
              {[
                ['Answers', count(given.length)],
                ['Per minute', mine.per_minute === null ? '–' : decimal(mine.per_minute, 1)],
                ['Median', mine.median_s === null ? '–' : `${decimal(mine.median_s, 1)} s`],
              ].map(([name, value]) => (
                <div key={name}>
                  <dt className="text-2xs text-ink-3">{name}</dt>
                  <dd>{value}</dd>
                </div>
              ))}
            </dl>
          )
        }
        over={work ? beside.over : <div className="absolute inset-0 bg-bg">{state.error ? <Failed what="The next image" error={state.error} retry={() => void next()} /> : state.over || !may.held ? <Over queue={queue} may={may.held} role={may.role} /> : null}</div>}
      />
      </div>
      {beside.strip}
      </div>
      {work && state.error !== null && (
        <div className="absolute inset-x-0 top-0 z-10 flex justify-center">
          <Failed what="The next image" error={state.error} retry={() => void next(work.item.id)} />
        </div>
      )}
      {asksReason && <ReasonDialog close={() => setAsksReason(false)} send={(reason) => send({ verb: 'send_back', reason }, 'Sent back')} />}
    </Page>
  )
}

function Over({ queue, may, role }: { queue: ReviewQueue; may: boolean; role: string }) {
  const { workspace } = useParams({ from: '/w/$workspace' })
  return (
    <Empty
      icon={<CheckCheck />}
      title={may ? 'Nothing waits for you in this queue' : `Reviewing needs the role ${role}`}
      actions={
        <>
          <Link to="/w/$workspace/review" params={{ workspace }}>
            <Button look="primary">All queues</Button>
          </Link>
          {queue.answers_wanted > 1 && (
            <Link to="/w/$workspace/review" params={{ workspace }} search={{ agreement: queue.id }}>
              <Button>Agreement</Button>
            </Link>
          )}
        </>
      }
    >
      {`${count(queue.counts.done)} done${queue.counts.open ? `; ${count(queue.counts.open)} wait for others` : ''}.`}
    </Empty>
  )
}
