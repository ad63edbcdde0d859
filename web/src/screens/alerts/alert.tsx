import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link, useNavigate, useParams } from '@tanstack/react-router'
import { useCallback, useEffect, useMemo, useState } from 'react'
import { api, asked } from '@/api/client'
import { Bars } from '@/charts/bars'
import { shortNumber } from '@/charts/clock'
import { Evidence as EvidenceChart } from '@/screens/deployments/drift'
import { Wrong } from '@/screens/deployments/deploy'
import { reach } from '@/screens/models/graph'
import { useLineage } from '@/screens/models/lineage-data'
import { SamplesBehind } from '@/screens/runs/behind'
import { ThingLink } from '@/screens/runs/thing'
import { bindKeys } from '@/shell/keys'
import { Button } from '@/ui/button'
import { count, moment, percent } from '@/ui/format'
import { Tag } from '@/ui/marks'
import { Page, Section } from '@/ui/page'
import { Receipt } from '@/ui/receipt'
import { Loaded } from '@/ui/states'
import { CycleShown } from './cycles'
import { DryRun } from './dry-run'
import { alertQuery, alertsQuery, cyclesQuery, historyQuery, type Alert, type Evidence } from './queries'

/** One alert: where the evidence crossed its threshold, what moved, the samples behind it, what stands on it, and what to do. */
export default function AlertPage() {
  const { workspace, alert: id } = useParams({ from: '/w/$workspace/alerts/$alert' })
  const alert = useQuery(alertQuery(id))
  return <Loaded query={alert} what="The alert">{(one) => <Shown one={one} workspace={workspace} />}</Loaded>
}

function Shown({ one, workspace }: { one: Alert; workspace: string }) {
  const evidence = one.evidence as Evidence
  const cache = useQueryClient()
  const navigate = useNavigate()
  const [behindOpen, setBehind] = useState(true)
  const cycles = useQuery(cyclesQuery())
  const siblings = useQuery(alertsQuery()).data?.items.filter((other) => other.monitor === one.monitor && other.kind === one.kind && other.id !== one.id) ?? []
  const acknowledge = useMutation({ mutationFn: () => api.POST('/api/v1/alerts/{alert}/acknowledge', { params: { path: { alert: one.id } } }), onSuccess: () => cache.invalidateQueries() })
  const predictions = useQuery({ ...asked(['predictions-of', one.id], async () => ({ data: (await Promise.all((evidence.predictions ?? []).map((prediction) => api.GET('/api/v1/predictions/{prediction}', { params: { path: { prediction } } })))).map(({ data }) => data!) })), enabled: (evidence.predictions ?? []).length > 0 })
  const behind = useMemo(() => evidence.examples?.filter((example) => example.sample).map((example) => ({ sample: example.sample })) ?? predictions.data?.filter((prediction) => prediction.sample).map((prediction) => ({ sample: prediction.sample, predicted: prediction.label, score: prediction.score })) ?? [], [evidence.examples, predictions.data])
  const answered = evidence.model_version || predictions.data?.[0]?.model_version || ''
  const version = useQuery({ ...asked(['model-version', answered], () => api.GET('/api/v1/model-versions/{version}', { params: { path: { version: answered } } })), enabled: Boolean(answered) })
  const schema = version.data?.schema
  const review = useMutation({
    mutationFn: async () => (await api.POST('/api/v1/campaigns', { body: { name: `${one.kind} on ${one.monitor} ${one.id.slice(4, 10)}`, schema: schema!, samples: behind.map((sample) => sample.sample), eps: 0.05, alpha: 0.05, seed: 0, seed_count: null, batch: null, context: [] } as never })).data!,
    onSuccess: (made) => (void cache.invalidateQueries(), navigate({ to: '/w/$workspace/review/$queue', params: { workspace, queue: made.id } })),
  })
  useEffect(() => bindKeys({ a: { label: 'Acknowledge', run: () => acknowledge.mutate(), enabled: () => one.state === 'raised' } }), [acknowledge, one.state])
  const close = useCallback(() => setBehind(false), [])
  const mine = cycles.data?.items.filter((cycle) => cycle.alert === one.id) ?? []
  return (
    <Page
      title={<Link to="/w/$workspace/alerts" params={{ workspace }} className="text-ink-2 hover:text-ink">Alerts</Link>}
      sub={<><span className="font-semibold text-ink">{one.kind} on {one.monitor}</span> <Tag tone={one.state === 'raised' ? 'warn' : 'plain'}>{one.state}</Tag> <span>{moment(one.raised_at)}</span></>}
      actions={
        <>
          {!behindOpen && behind.length > 0 && <Button onClick={() => setBehind(true)}>{count(behind.length)} samples behind it</Button>}
          <Button needs="dataset.write" busy={review.isPending} disabled={!behind.length || !schema} tip={!behind.length ? 'None of its predictions is a sample yet.' : !schema ? 'Its model names no label schema.' : undefined} onClick={() => review.mutate()}>Send to review</Button>
          <Button look="primary" keys="A" needs="monitor.write" busy={acknowledge.isPending} disabled={one.state !== 'raised'} tip={one.state !== 'raised' ? 'It is acknowledged already.' : undefined} onClick={() => acknowledge.mutate()}>Acknowledge</Button>
        </>
      }
    >
      <div className="flex h-full min-h-0 max-md:block max-md:overflow-y-auto">
        <div className="flex min-w-0 grow flex-col gap-8 overflow-auto p-4" tabIndex={0} role="region" aria-label="Evidence">
          <Wrong error={review.error ?? acknowledge.error} />
          <Said one={one} evidence={evidence} />
          {evidence.log_threshold !== undefined && <Crossing one={one} evidence={evidence} />}
          {evidence.moved && <MovedTable moved={evidence.moved} />}
          <Downstream id={one.id} />
          {mine.length > 0 ? <Section title="What the loop did">{mine.map((cycle) => <CycleShown key={cycle.id} cycle={cycle} />)}</Section> : <DryRun />}
          {siblings.length > 0 && <Section title="The same before"><ul className="text-xs">{siblings.map((other) => <li key={other.id} className="h-7"><ThingLink id={other.id}>{moment(other.raised_at)}</ThingLink> <span className="text-ink-2">{other.state}</span></li>)}</ul></Section>}
        </div>
        {behindOpen && behind.length > 0 && <SamplesBehind title={evidence.examples ? 'Strangest images since the onset' : 'The images of the run'} items={behind} onClose={close} />}
      </div>
    </Page>
  )
}

/** The evidence in words, with the bound on false alarms and the receipt. */
function Said({ one, evidence }: { one: Alert; evidence: Evidence }) {
  return (
    <div className="flex max-w-3xl flex-col gap-2">
      {evidence.leading ? (
        <p className="text-base">
          {evidence.leading} of {evidence.deployment} left the reference around prediction <span className="num">{count(evidence.onset_sequence)}</span>; after <span className="num">{count(evidence.images)}</span> images the evidence crossed the threshold{evidence.carried_by && evidence.carried_by.length > 1 ? `, carried by ${evidence.carried_by.join(' and ')}` : ''}.
        </p>
      ) : (
        <p className="text-base">{evidence.label} came {evidence.predictions?.length} times in a row on {evidence.deployment}.</p>
      )}
      {evidence.claim && <p className={evidence.claim.guarantee === 'bounded' ? 'text-ink-2' : 'text-warn'}>{evidence.claim.guarantee === 'bounded' ? evidence.claim.statement : 'No guarantee on this stream: images follow one another too closely for the bound to hold.'}</p>}
      <div className="flex items-center gap-4 text-xs">
        <Receipt id={one.receipt} />
        {evidence.model_version && <span className="text-ink-2">model <ThingLink id={evidence.model_version}>{evidence.model_version.slice(0, 12)}…</ThingLink></span>}
      </div>
    </div>
  )
}

function Crossing({ one, evidence }: { one: Alert; evidence: Evidence }) {
  const history = useQuery({ ...historyQuery(one.id), retry: false, staleTime: Infinity })
  const markers = useMemo(() => [...(evidence.onset_sequence !== undefined ? [{ x: evidence.onset_sequence, label: 'onset' }] : []), { x: one.sequence, label: 'alarm', tone: 'warn' as const }], [evidence.onset_sequence, one.sequence])
  return (
    <Loaded query={history} what="The course of the evidence">
      {(found) => <EvidenceChart history={found} log_threshold={evidence.log_threshold!} alpha={evidence.claim?.alpha ?? 0} markers={markers} sync={one.id} height={180} />}
    </Loaded>
  )
}

/** Medians before the onset and since, and how the shares of labels changed. */
function MovedTable({ moved }: { moved: NonNullable<Evidence['moved']> }) {
  const rows = Object.entries(moved).filter(([, change]) => typeof change.before === 'number' || typeof change.now === 'number')
  const before = (moved.labels?.before ?? {}) as Record<string, number>
  const now = (moved.labels?.now ?? {}) as Record<string, number>
  const labels = [...new Set([...Object.keys(before), ...Object.keys(now)])].sort()
  return (
    <div className="flex flex-wrap gap-x-12 gap-y-6">
      <Section title="What moved (medians)">
        <table className="num border-collapse text-right text-xs">
          <thead className="text-ink-2"><tr className="h-7 [&>th]:px-3 [&>th]:font-normal"><th className="!pl-0 text-left">fact</th><th>before</th><th>since</th></tr></thead>
          <tbody>{rows.map(([name, change]) => <tr key={name} className="h-7 border-t border-line [&>td]:px-3"><th scope="row" className="text-left font-normal">{name}</th><td className="text-ink-2">{shortNumber(change.before as number)}</td><td>{shortNumber(change.now as number)}</td></tr>)}</tbody>
        </table>
      </Section>
      {labels.length > 0 && (
        <div className="grid grid-cols-2 gap-6">
          {([['Labels before', before], ['Labels since', now]] as const).map(([title, shares]) => (
            <div key={title} className="w-52"><Section title={title}><Bars label={title} bars={labels.map((name) => ({ key: name, name, value: shares[name] ?? 0, text: percent(shares[name] ?? 0, 0), machine: true }))} /></Section></div>
          ))}
        </div>
      )}
    </div>
  )
}

/** What stands on this alert: the way through the loop to what serves now. */
function Downstream({ id }: { id: string }) {
  const { graph, pending } = useLineage()
  const found = useMemo(() => [...reach(graph.after, id).keys()].map((one) => graph.nodes.get(one)!), [graph, id])
  if (pending) return null
  return (
    <Section title="What stands on it">
      {found.length === 0 ? <p className="text-ink-2">Nothing yet: no cycle has answered it.</p> : (
        <ol className="flex flex-wrap items-center gap-x-2 gap-y-1 text-xs">
          {found.map((node, at) => <li key={node.id} className="flex items-center gap-2">{at > 0 && <span aria-hidden className="text-ink-3">→</span>}<span className="text-ink-2">{node.kind}</span> <ThingLink id={node.id}>{node.title}</ThingLink></li>)}
        </ol>
      )}
    </Section>
  )
}
