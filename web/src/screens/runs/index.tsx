import { useInfiniteQuery, useQueryClient } from '@tanstack/react-query'
import { useNavigate, useParams, useSearch } from '@tanstack/react-router'
import { FlaskConical } from 'lucide-react'
import { useCallback, useEffect, useMemo, useState } from 'react'
import { api } from '@/api/client'
import { useEvents } from '@/api/events'
import { bindKeys } from '@/shell/keys'
import { Button } from '@/ui/button'
import { ago, count, moment, span } from '@/ui/format'
import { Page } from '@/ui/page'
import { Checkbox, Select } from '@/ui/select'
import { Empty, Failed, Progress } from '@/ui/states'
import { Table, type Column } from '@/ui/table'
import { goesOn, type Run } from './queries'
import { duration_s, metricsOf } from './rows'
import { State, WithLimits } from './state'

const KINDS = ['train', 'evaluate', 'ingest', 'import', 'predict', 'version', 'map', 'backup']
const STATES = ['pending', 'running', 'succeeded', 'failed', 'cancelled']

/** Every run of the workspace, newest first: what it was, how it went, its figures; several are compared. */
export default function Runs() {
  const { workspace } = useParams({ from: '/w/$workspace/runs' })
  const { kind, state } = useSearch({ from: '/w/$workspace/runs' })
  const navigate = useNavigate({ from: '/w/$workspace/runs' })
  const cache = useQueryClient()
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set())
  const runs = useInfiniteQuery({
    queryKey: [workspace, 'runs', kind ?? ''],
    initialPageParam: '',
    queryFn: async ({ pageParam }) => (await api.GET('/api/v1/runs', { params: { query: { limit: 200, ...(kind ? { kind } : {}), ...(pageParam ? { cursor: pageParam } : {}) } } })).data!,
    getNextPageParam: (last) => last.next_cursor || undefined,
    refetchInterval: (query) => (query.state.data?.pages[0]?.items.some(goesOn) ? 2000 : false),
  })
  useEvents(useCallback((event) => event.type.startsWith('run.') && void cache.invalidateQueries({ queryKey: [workspace, 'runs'] }), [cache, workspace]))

  const all = useMemo(() => runs.data?.pages.flatMap((page) => page.items) ?? [], [runs.data])
  const shown = useMemo(() => (state ? all.filter((run) => run.state === state) : all), [all, state])
  const kinds = useMemo(() => [...new Set([...KINDS, ...all.map((run) => run.kind)])].sort(), [all])
  const toggle = useCallback((run: Run) => setChosen((old) => new Set(old.has(run.id) ? [...old].filter((id) => id !== run.id) : [...old, run.id])), [])
  const compare = useCallback(() => chosen.size > 1 && void navigate({ to: '/w/$workspace/runs/compare', params: { workspace }, search: { ids: [...chosen].join(',') } }), [chosen, navigate, workspace])
  useEffect(() => bindKeys({ c: { label: 'Compare the selected runs', run: () => void compare(), enabled: () => chosen.size > 1 }, x: { label: 'Select the run of the row', run: () => {} } }), [compare, chosen])

  const columns = useMemo(() => columnsOf(chosen, toggle), [chosen, toggle])
  const narrow = (to: { kind?: string; state?: string }) => void navigate({ search: (old) => ({ ...old, ...to }) })
  return (
    <Page
      title="Experiments"
      sub={runs.data && <span>{count(shown.length)}{runs.hasNextPage ? ' or more' : ''} runs</span>}
      actions={
        <>
          <Select label="Kind" value={kind ?? 'every'} onChange={(value) => narrow({ kind: value === 'every' ? undefined : value })} options={[{ value: 'every', label: 'Every kind' }, ...kinds.map((value) => ({ value, label: value }))]} />
          <Select label="State" value={state ?? 'every'} onChange={(value) => narrow({ state: value === 'every' ? undefined : value })} options={[{ value: 'every', label: 'Every state' }, ...STATES.map((value) => ({ value, label: value }))]} />
          <Button look="primary" keys="C" disabled={chosen.size < 2} tip={chosen.size < 2 ? 'Select two runs or more with X' : undefined} onClick={compare}>
            Compare {chosen.size > 1 ? chosen.size : ''}
          </Button>
        </>
      }
    >
      <Progress busy={runs.isFetching && !runs.data} />
      {runs.isError && !runs.data && <Failed what="Runs" error={runs.error} retry={() => void runs.refetch()} />}
      {runs.data && shown.length === 0 && !runs.hasNextPage && (
        kind || state ? (
          <Empty
            icon={<FlaskConical />}
            title={`No run ${kind ? `of the kind ${kind}` : ''}${kind && state ? ' that ' : ''}${state ? `${kind ? 'is' : 'is'} ${state}` : ''}`}
            actions={
              <>
                {state && <Button onClick={() => narrow({ state: undefined })}>Show every state</Button>}
                {kind && <Button onClick={() => narrow({ kind: undefined })}>Show every kind</Button>}
              </>
            }
          />
        ) : (
          <Empty icon={<FlaskConical />} title="No runs yet" actions={<><Button look="primary" onClick={() => void navigate({ to: '/w/$workspace/sources', params: { workspace } })}>Connect a source</Button><Button onClick={() => void navigate({ to: '/w/$workspace/models', params: { workspace } })}>Models</Button></>}>
            Every ingest, training and evaluation will stand here with its parameters and figures.
          </Empty>
        )
      )}
      {shown.length > 0 || runs.hasNextPage ? (
        <Table rows={shown} columns={columns} id={(run) => run.id} label="Runs" selected={chosen} onSelect={toggle} onOpen={(run) => void navigate({ to: '/w/$workspace/runs/$run', params: { workspace, run: run.id } })} onEnd={() => runs.hasNextPage && !runs.isFetching && void runs.fetchNextPage()} />
      ) : null}
    </Page>
  )
}

const figure = (run: Run, name: string) => {
  const found = metricsOf(run.output.metrics).find((one) => one.name === name)
  return found ? <WithLimits {...found} /> : <span className="text-ink-3">–</span>
}

const columnsOf = (chosen: ReadonlySet<string>, toggle: (run: Run) => void): Column<Run>[] => [
  {
    key: 'chosen',
    head: <span className="sr-only">Selected</span>,
    width: '32px',
    cell: (run) => (
      <span className="flex items-center" onClick={(event) => event.stopPropagation()}>
        <Checkbox checked={chosen.has(run.id)} onChange={() => toggle(run)} label={`Select ${run.kind} ${run.id}`} />
      </span>
    ),
  },
  { key: 'kind', head: 'Kind', width: '96px', cell: (run) => <span className="font-medium">{run.kind}</span> },
  { key: 'of', head: 'Of', width: 'minmax(0,1.4fr)', cell: (run) => <span className="mono text-ink-2">{subjectOf(run)}</span> },
  { key: 'state', head: 'State', width: '112px', cell: (run) => <State run={run} /> },
  { key: 'accuracy', head: 'Accuracy', right: true, width: '170px', cell: (run) => figure(run, 'accuracy') },
  { key: 'auroc', head: 'AUROC', right: true, width: '170px', cell: (run) => figure(run, 'auroc') },
  { key: 'started', head: 'Started', right: true, width: '104px', cell: (run) => <span title={moment(run.started_at)}>{ago(run.started_at)}</span> },
  { key: 'took', head: 'Took', right: true, width: '72px', cell: (run) => span(duration_s(run, Date.now())) },
  { key: 'by', head: 'By', width: 'minmax(80px,1fr)', cell: (run) => <span className="text-ink-2">{run.actor}</span> },
]

/** What a run was about, in a few words. */
function subjectOf(run: Run): string {
  const params = run.params as Record<string, unknown>
  const output = run.output as Record<string, unknown>
  if (typeof params.model === 'string') return `${params.model}${output.number ? `@${String(output.number)}` : ''}`
  for (const name of ['model_version', 'dataset_version', 'source', 'dataset', 'name']) {
    const value = params[name]
    if (typeof value === 'string') return value.length > 34 ? `${value.slice(0, 34)}…` : value
  }
  return run.id
}
