import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router'
import { useCallback, useEffect, useMemo, useState } from 'react'
import { api, asked } from '@/api/client'
import { PRESETS, rangeOf, type Preset } from '@/charts/clock'
import { TimeSeries, type Line } from '@/charts/time-series'
import { modelQuery, movesQuery, versionsQuery } from '@/screens/models/queries'
import { bindKeys } from '@/shell/keys'
import { count } from '@/ui/format'
import { Tag } from '@/ui/marks'
import { Page, Section } from '@/ui/page'
import { Segments } from '@/ui/select'
import { Loaded } from '@/ui/states'
import { Verbs } from './deploy'
import { Drift } from './drift'
import { deploymentQuery, metricsQuery, monitorsQuery, type Deployment, type Metrics } from './queries'
import { Recent } from './recent'

/** One deployment, live: how fast it answers, how much, what it says, whether its stream drifts, and what it said last. */
export default function DeploymentPage() {
  const { workspace, deployment: name } = useParams({ from: '/w/$workspace/deployments/$deployment' })
  const deployment = useQuery({ ...deploymentQuery(name), refetchInterval: 10_000 })
  return <Loaded query={deployment} what="The deployment">{(one) => <Shown one={one} workspace={workspace} />}</Loaded>
}

function Shown({ one, workspace }: { one: Deployment; workspace: string }) {
  const search = useSearch({ from: '/w/$workspace/deployments/$deployment' })
  const navigate = useNavigate({ from: '/w/$workspace/deployments/$deployment' })
  const now = useMinute()
  const range = rangeOf(search.from, search.to, now)
  const metrics = useQuery({ ...metricsQuery(one.name, range.preset === 'all' ? one.made_at : range.from, range.to), refetchInterval: range.preset === 'custom' ? false : 5000 })
  const monitors = useQuery(monitorsQuery())
  const model = useQuery(modelQuery(one.model))
  const versions = useQuery(versionsQuery(one.model))
  const moves = useQuery(movesQuery(one.model, one.alias))
  const alerts = useQuery(asked(['alerts'], () => api.GET('/api/v1/alerts')))
  const number = useCallback(
    (id: string) => {
      const found = versions.data?.items.find((version) => version.id === id)
      return found ? `v${found.number}` : id.slice(4, 10)
    },
    [versions.data],
  )
  const before = moves.data?.items.at(-1)?.from_version
  const mine = (monitors.data?.items ?? []).filter((monitor) => monitor.deployment === one.name)
  const choose = (preset: Preset) => void navigate({ search: preset === 'all' ? {} : { from: preset }, replace: true })
  useEffect(() => bindKeys(Object.fromEntries(PRESETS.map((preset, at) => [String(at + 1), { label: `Show ${preset.label}`, run: () => choose(preset.value) }]))))
  return (
    <Page
      title={<Link to="/w/$workspace/deployments" params={{ workspace }} className="text-ink-2 hover:text-ink">Deployments</Link>}
      sub={
        <>
          <span className="mono font-semibold text-ink">{one.name}</span>
          <Link to="/w/$workspace/models/$model" params={{ workspace, model: one.model }} search={{ v: number(one.model_version).slice(1) }} className="text-sel hover:underline">
            {one.model} {number(one.model_version)}
          </Link>
          <Tag tone={one.state === 'failed' ? 'crit' : 'plain'}>{one.state}</Tag>
        </>
      }
      actions={
        <>
          <Segments label="Time range" value={range.preset} onChange={choose} options={[...PRESETS, ...(range.preset === 'custom' ? [{ value: 'custom' as const, label: 'Chosen' }] : [])]} />
          <Verbs deployment={one} named={model.data?.aliases[one.alias]} number={number} before={before || undefined} />
        </>
      }
    >
      <div className="flex max-w-[1480px] flex-col gap-8 p-4">
        <Loaded query={metrics} what="Latency and throughput">
          {(found) => <Traffic metrics={found} number={number} sync={`deployment-${one.id}`} onRange={(from, to) => void navigate({ search: { from: new Date(from * 1000).toISOString(), to: new Date(to * 1000).toISOString() } })} />}
        </Loaded>
        <Recent deployment={one.name} />
        {mine.map((monitor) => (
          <Drift key={monitor.id} name={monitor.name} alertCount={(alerts.data?.items ?? []).filter((alert) => alert.monitor === monitor.name).length} />
        ))}
        {monitors.data && mine.length === 0 && (
          <Section title="Drift">
            <p className="text-ink-2">
              No monitor watches this deployment. Make one against held-out samples: <span className="mono">sightloop monitor create</span>.
            </p>
          </Section>
        )}
      </div>
    </Page>
  )
}

/** Latency, throughput, errors and shares of labels, with one crosshair over all. */
function Traffic({ metrics, number, sync, onRange }: { metrics: Metrics; number: (version: string) => string; sync: string; onRange: (from: number, to: number) => void }) {
  const bins = metrics.bins
  const x = useMemo(() => bins.map((bin) => Date.parse(bin.at) / 1000), [bins])
  const markers = useMemo(() => metrics.markers.map((one) => ({ x: Date.parse(one.at) / 1000, label: `${one.kind === 'deploy' ? '' : `${one.kind} `}${number(one.model_version)}` })), [metrics.markers, number])
  const lines = useMemo(() => {
    const labels = [...new Set(bins.flatMap((bin) => Object.keys(bin.labels)))].sort().slice(0, 4)
    const errors = bins.some((bin) => bin.errors != null)
    return {
      latency: [{ name: 'p95', values: bins.map((bin) => bin.p95_ms) }, { name: 'p50', values: bins.map((bin) => bin.p50_ms) }] as Line[],
      traffic: [{ name: 'answers', values: bins.map((bin) => bin.count) }] as Line[],
      errors: errors ? ([{ name: 'errors', values: bins.map((bin) => bin.errors), tone: 'warn' }] as Line[]) : null,
      shares: labels.map((label, at): Line => ({ name: label, values: bins.map((bin) => (bin.count ? (bin.labels[label] ?? 0) / bin.count : null)), tone: (['ink', 'sel', 'ink-3', 'ink-3'] as const)[at], dash: true })),
      score: [{ name: 'mean score', values: bins.map((bin) => bin.mean_score), tone: 'machine', dash: true }] as Line[],
    }
  }, [bins])
  const total = bins.reduce((sum, bin) => sum + bin.count, 0)
  const range = useMemo(() => [Date.parse(metrics.from) / 1000, Date.parse(metrics.to) / 1000] as const, [metrics.from, metrics.to])
  const common = { x, markers, sync, onRange, xRange: range[1] > range[0] ? range : undefined }
  if (!total) return <p className="text-ink-2">Nothing was predicted in this range. Choose a longer one.</p>
  const p95 = bins.findLast((bin) => bin.p95_ms != null)?.p95_ms
  return (
    <div className="grid grid-cols-1 gap-x-10 gap-y-6 lg:grid-cols-2">
      <TimeSeries {...common} title="Latency p95, p50" unit="ms" lines={lines.latency} summary={`Latency, p95 now ${p95?.toFixed(1) ?? 'unknown'} ms`} />
      <TimeSeries {...common} title={`Answers per ${metrics.bin_s < 90 ? `${Math.round(metrics.bin_s)} s` : `${Math.round(metrics.bin_s / 60)} min`}`} lines={lines.traffic} summary={`${count(total)} answers in this range`} />
      <TimeSeries {...common} title="Share of each label" lines={lines.shares} fixedY={[0, 1]} summary="What share of the answers each label has" />
      <TimeSeries {...common} title="Mean score" lines={lines.score} fixedY={[0, 1]} summary="Mean score of the answers" />
      {lines.errors ? <TimeSeries {...common} title="Requests without an answer" lines={lines.errors} summary={`${count(bins.reduce((sum, bin) => sum + (bin.errors ?? 0), 0))} errors in this range`} /> : <p className="text-xs text-ink-3">Nobody counted errors in this range.</p>}
    </div>
  )
}

/** The time, to ten seconds, so that a preset moves on without asking anew at each render. */
function useMinute(): number {
  const [now, setNow] = useState(() => Date.now())
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 10_000)
    return () => clearInterval(timer)
  }, [])
  return now
}
