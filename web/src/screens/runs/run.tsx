import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router'
import { Ban } from 'lucide-react'
import { useMemo, useState } from 'react'
import { api, asked, request } from '@/api/client'
import { Problem } from '@/api/problem'
import { TimeSeries } from '@/charts/time-series'
import { EvaluationView } from '@/screens/models/evaluation'
import type { Results } from '@/screens/models/selection'
import { Button } from '@/ui/button'
import { Confirm } from '@/ui/dialog'
import { count, moment, span } from '@/ui/format'
import { Page, Section } from '@/ui/page'
import { Segments } from '@/ui/select'
import { Copyable, Failed, Loaded } from '@/ui/states'
import { Tree } from '@/ui/tree'
import { ThingLink } from './thing'
import { goesOn, linksQuery, runQuery, type Run } from './queries'
import { curvesOf, duration_s, flat, metricsOf } from './rows'
import { State, WithLimits } from './state'
import { groupedBy } from '@/ui/grouped'
import { newId } from '@/api/new-id'

/** One run: how it went, what it used and made, its parameters, figures and evaluation. */
export default function RunPage() {
  const { workspace, run: id } = useParams({ from: '/w/$workspace/runs/$run' })
  const search = useSearch({ from: '/w/$workspace/runs/$run' })
  const navigate = useNavigate({ from: '/w/$workspace/runs/$run' })
  const run = useQuery(runQuery(id))
  const version = String((run.data?.output as Record<string, unknown> | undefined)?.model_version ?? '')
  const test = String((run.data?.params as Record<string, unknown> | undefined)?.test_version ?? '')
  const tab = search.tab === 'evaluation' && version ? 'evaluation' : 'summary'
  return (
    <Page
      title={<Link to="/w/$workspace/runs" params={{ workspace }} className="text-ink-2 hover:text-ink">Experiments</Link>}
      sub={
        <>
          <span className="font-semibold text-ink">{run.data?.kind}</span> <Copyable text={id} short={14} />
        </>
      }
      actions={
        <>
          {version && (
            <Segments
              label="Part of the run"
              value={tab}
              onChange={(value) => void navigate({ search: (old) => ({ ...old, tab: value, cell: undefined }), replace: true })}
              options={[
                { value: 'summary', label: 'Summary' },
                { value: 'evaluation', label: 'Evaluation' },
              ]}
            />
          )}
          {run.data && goesOn(run.data) && <Cancel run={run.data} />}
        </>
      }
    >
      <Loaded query={run} what="The run">
        {(one) =>
          tab === 'evaluation' ? (
            <Evaluation run={one} version={version} test={test} cell={search.cell} onCell={(cell) => void navigate({ search: (old) => ({ ...old, cell }), replace: true })} />
          ) : (
            <Summary run={one} />
          )
        }
      </Loaded>
    </Page>
  )
}

function Summary({ run }: { run: Run }) {
  const links = useQuery(linksQuery(run.id))
  const metrics = useMemo(() => metricsOf((run.output as Record<string, unknown>).metrics), [run])
  const curves = useMemo(() => curvesOf(run.output), [run])
  const rest = Object.fromEntries(Object.entries(run.output).filter(([name]) => !['metrics', 'curves', 'history'].includes(name)))
  const error = run.error as { message?: string; hint?: string; code?: string }
  return (
    <div className="grid max-w-[1240px] gap-8 p-4 lg:grid-cols-[minmax(0,1fr)_minmax(0,360px)]">
      <div className="flex min-w-0 flex-col gap-6">
        <dl className="flex flex-wrap gap-x-8 gap-y-3">
          <Fact name="State">
            <State run={run} />
          </Fact>
          <Fact name="Started">{moment(run.started_at)}</Fact>
          <Fact name="Took">{span(duration_s(run, Date.now()))}</Fact>
          <Fact name="By">{run.actor}</Fact>
          <Fact name="Code">{run.code_version}</Fact>
        </dl>
        {error.message && (
          <div role="alert" className="rounded-md border border-crit/40 bg-crit-bg p-3">
            <p className="font-medium">{error.message}</p>
            {error.hint && <p className="text-ink-2">{error.hint}</p>}
          </div>
        )}
        {metrics.length > 0 && (
          <Section title="Figures">
            <dl className="grid max-w-2xl gap-x-8 sm:grid-cols-2">
              {metrics.map((one) => (
                <div key={one.name} className="flex h-8 items-center gap-3 border-b border-line text-xs">
                  <dt className="truncate text-ink-2">{one.name}</dt>
                  <dd className="ml-auto">
                    <WithLimits {...one} digits={Number.isInteger(one.value) ? 0 : 3} />
                  </dd>
                </div>
              ))}
            </dl>
          </Section>
        )}
        {curves.length > 0 && (
          <Section title="Training curves">
            <div className="grid gap-6 sm:grid-cols-2">
              {curves.map((curve) => (
                <TimeSeries key={curve.name} title={curve.name} x={curve.values.map((_, at) => at + 1)} xName="step" lines={[{ name: curve.name, values: curve.values }]} sync={run.id} summary={`${curve.name} over ${curve.values.length} steps, at the end ${curve.values.at(-1)}`} />
              ))}
            </div>
          </Section>
        )}
        <Section title="Parameters">
          <dl className="max-w-3xl">
            {[...flat(run.params)].map(([name, text]) => (
              <div key={name} className="flex min-h-7 items-baseline gap-4 border-b border-line py-1 text-xs">
                <dt className="w-64 shrink-0 truncate text-ink-2 max-md:w-40" title={name}>
                  {name}
                </dt>
                <dd className="num min-w-0 break-all">
                  <ThingLink id={text}>{text || '–'}</ThingLink>
                </dd>
              </div>
            ))}
          </dl>
        </Section>
        {Object.keys(rest).length > 0 && (
          <Section title="Output">
            <Tree name="output" value={rest} open />
          </Section>
        )}
      </div>
      <Loaded query={links} what="What it used and made">
        {(found) => <Links items={found.items} />}
      </Loaded>
    </div>
  )
}

/** What a run used and made, by kind; long lists are told by their count. */
function Links({ items }: { items: { direction: string; kind: string; artifact: string }[] }) {
  return (
    <div className="flex flex-col gap-6">
      {(['uses', 'makes'] as const).map((direction) => {
        const groups = [...groupedBy(items.filter((one) => one.direction === direction), (one) => one.kind)]
        return (
          <Section key={direction} title={direction === 'uses' ? 'Used' : 'Made'}>
            {groups.length === 0 && <p className="text-xs text-ink-2">Nothing that has a name of its own.</p>}
            {groups.map(([kind, ones]) => (
              <div key={kind} className="text-xs">
                <div className="flex h-6 items-center gap-2 text-ink-2">
                  {kind.replaceAll('_', ' ')} <span className="num text-ink-3">{count(ones.length)}</span>
                </div>
                {ones.slice(0, 8).map((one) => (
                  <div key={one.artifact} className="mono flex h-6 items-center truncate">
                    <ThingLink id={one.artifact}>{one.artifact}</ThingLink>
                  </div>
                ))}
                {ones.length > 8 && <div className="num h-6 text-ink-3">and {count(ones.length - 8)} more</div>}
              </div>
            ))}
          </Section>
        )
      })}
    </div>
  )
}

function Evaluation({ run, version, test, cell, onCell }: { run: Run; version: string; test: string; cell?: string; onCell: (cell?: string) => void }) {
  const results = useQuery(asked(['evaluation', version, test], () => api.GET('/api/v1/model-versions/{version}/evaluation', { params: { path: { version }, query: test ? { test } : {} } as never })))
  return (
    <Loaded query={results} what="The evaluation">
      {(found) => {
        if (test && (found as { test_version?: string }).test_version !== test) return <Failed what="The samples of this evaluation" error={null} />
        return <EvaluationView results={found as Results} metrics={((run.output as Record<string, unknown>).metrics ?? {}) as Record<string, unknown>} cell={cell} onCell={onCell} />
      }}
    </Loaded>
  )
}

function Cancel({ run }: { run: Run }) {
  const cache = useQueryClient()
  const [asking, setAsking] = useState(false)
  const cancel = useMutation({
    mutationFn: () => request(`/api/v1/runs/${run.id}/cancel`, { method: 'POST', headers: { 'Idempotency-Key': newId() } }),
    onSuccess: () => {
      setAsking(false)
      void cache.invalidateQueries()
    },
  })
  return (
    <>
      <Button look="danger" icon={<Ban size={13} />} needs="train" onClick={() => setAsking(true)}>
        Cancel the run
      </Button>
      <Confirm open={asking} onOpenChange={setAsking} title={`Cancel this ${run.kind} run?`} action="Cancel the run" busy={cancel.isPending} onConfirm={() => cancel.mutate()}>
        <p className="text-ink-2">Steps that are finished stay finished; what it would have made is not made.</p>
        {cancel.error instanceof Problem && <p className="text-crit">{cancel.error.message} {cancel.error.hint}</p>}
      </Confirm>
    </>
  )
}

function Fact({ name, children }: { name: string; children: React.ReactNode }) {
  return (
    <div className="flex flex-col">
      <dt className="text-xs text-ink-2">{name}</dt>
      <dd className="num">{children}</dd>
    </div>
  )
}
