import { useQueries, useQuery } from '@tanstack/react-query'
import { useNavigate, useParams } from '@tanstack/react-router'
import { Rocket } from 'lucide-react'
import { useState } from 'react'
import { api, asked } from '@/api/client'
import { Sparkline } from '@/charts/bars'
import { shortNumber } from '@/charts/clock'
import { Button } from '@/ui/button'
import { count } from '@/ui/format'
import { Dot } from '@/ui/marks'
import { Page } from '@/ui/page'
import { Empty, Loaded } from '@/ui/states'
import { Table } from '@/ui/table'
import { Deploy } from './deploy'
import { metricsQuery, monitorsQuery } from './queries'
import { evidenceShare } from './drift'

/** Every deployment: which version answers, how fast, and whether its stream drifts. */
export default function Deployments() {
  const { workspace } = useParams({ from: '/w/$workspace/deployments' })
  const navigate = useNavigate()
  const [adding, setAdding] = useState(false)
  const deployments = useQuery({ ...asked(['deployments'], () => api.GET('/api/v1/deployments')), refetchInterval: 10_000 })
  const monitors = useQuery(monitorsQuery())
  const items = deployments.data?.items ?? []
  const metrics = useQueries({ queries: items.map((one) => ({ ...metricsQuery(one.name, undefined, undefined, 32), retry: false })) })
  const rows = items.map((one, at) => ({ one, metrics: metrics[at]?.data, monitor: monitors.data?.items.find((other) => other.deployment === one.name) }))
  const add = (
    <Button look="primary" needs="deploy" onClick={() => setAdding(true)}>
      Deploy a model
    </Button>
  )
  return (
    <Page title="Deployments" sub={deployments.data && <span>{count(items.length)}</span>} actions={items.length > 0 && add}>
      <Loaded query={deployments} what="Deployments">
        {() =>
          rows.length === 0 ? (
            <Empty icon={<Rocket />} title="Nothing is deployed yet" actions={<>{add}<Button onClick={() => void navigate({ to: '/w/$workspace/models', params: { workspace } })}>See the models</Button></>}>
              A deployment answers predictions with the version that an alias names; its latency, drift and accuracy will stand here.
            </Empty>
          ) : (
            <Table
              label="Deployments"
              rows={rows}
              id={(row) => row.one.id}
              onOpen={(row) => void navigate({ to: '/w/$workspace/deployments/$deployment', params: { workspace, deployment: row.one.name } })}
              columns={[
                { key: 'name', head: 'Endpoint', cell: (row) => <span className="mono font-medium">{row.one.name}</span> },
                { key: 'model', head: 'Model', cell: (row) => <span>{row.one.model} <span className="text-ink-2">@{row.one.alias}</span></span> },
                { key: 'state', head: 'State', width: '110px', cell: (row) => <span className="flex items-center gap-1.5">{row.one.state === 'failed' && <Dot tone="crit" label="failed" />}<span className={row.one.state === 'serving' ? 'text-ink-2' : ''}>{row.one.state}</span></span> },
                { key: 'p95', head: 'p95 ms', right: true, width: '150px', cell: (row) => <span className="flex items-center justify-end gap-2">{row.metrics && <Sparkline values={row.metrics.bins.map((bin) => bin.p95_ms)} label="p95 latency" width={64} height={16} />}{shortNumber(row.metrics?.bins.findLast((bin) => bin.p95_ms != null)?.p95_ms)}</span> },
                { key: 'count', head: 'Predictions', right: true, width: '110px', cell: (row) => (row.metrics ? count(row.metrics.bins.reduce((sum, bin) => sum + bin.count, 0)) : '–') },
                { key: 'drift', head: 'Drift evidence', width: 'minmax(160px,1fr)', cell: (row) => (row.monitor ? <Evidence state={row.monitor.state} share={evidenceShare(row.monitor)} /> : <span className="text-ink-3">no monitor</span>) },
              ]}
            />
          )
        }
      </Loaded>
      {adding && <Deploy onClose={() => setAdding(false)} />}
    </Page>
  )
}

function Evidence({ state, share }: { state: string; share: number }) {
  const over = state === 'alarmed' || share >= 1
  return (
    <span className="flex items-center gap-2">
      <span role="img" aria-label={`${Math.round(100 * share)} % of the threshold`} className="h-1 w-16 overflow-hidden rounded-full bg-line-strong">
        <span className={over ? 'block h-full bg-warn' : 'block h-full bg-ink-2'} style={{ width: `${Math.min(100, 100 * share)}%` }} />
      </span>
      <span className={over ? 'text-warn' : 'text-ink-2'}>{state}</span>
    </span>
  )
}
