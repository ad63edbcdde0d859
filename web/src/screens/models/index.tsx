import { useQueries, useQuery } from '@tanstack/react-query'
import { useNavigate, useParams } from '@tanstack/react-router'
import { Package } from 'lucide-react'
import { api, asked } from '@/api/client'
import { metricsOf } from '@/screens/runs/rows'
import { WithLimits } from '@/screens/runs/state'
import { Button } from '@/ui/button'
import { ago, count, moment } from '@/ui/format'
import { Tag } from '@/ui/marks'
import { Page } from '@/ui/page'
import { Empty, Loaded } from '@/ui/states'
import { Table } from '@/ui/table'
import { versionsQuery } from './queries'

/** Every model, with the version that its champion alias names. */
export default function Models() {
  const { workspace } = useParams({ from: '/w/$workspace/models' })
  const navigate = useNavigate()
  const models = useQuery(asked(['models'], () => api.GET('/api/v1/models')))
  const items = models.data?.items ?? []
  const versions = useQueries({ queries: items.map((one) => versionsQuery(one.name)) })
  const rows = items.map((model, at) => {
    const all = versions[at]?.data?.items ?? []
    const champion = all.find((one) => one.id === model.aliases.champion)
    const accuracy = champion && metricsOf(champion.metrics).find((one) => one.name === 'accuracy')
    return { model, champion, accuracy, newest: all.at(-1) }
  })
  return (
    <Page title="Models" sub={models.data && <span>{count(items.length)}</span>}>
      <Loaded query={models} what="Models">
        {() =>
          rows.length === 0 ? (
            <Empty
              icon={<Package />}
              title="No models yet"
              actions={
                <>
                  <Button look="primary" onClick={() => void navigate({ to: '/w/$workspace/datasets', params: { workspace } })}>
                    Open the datasets
                  </Button>
                  <Button onClick={() => void navigate({ to: '/w/$workspace/runs', params: { workspace } })}>See the runs</Button>
                </>
              }
            >
              A training registers versions here, with their figures, gates and lineage. Train on a dataset version: <span className="mono">sightloop train</span>.
            </Empty>
          ) : (
            <Table
              label="Models"
              rows={rows}
              id={(row) => row.model.id}
              onOpen={(row) => void navigate({ to: '/w/$workspace/models/$model', params: { workspace, model: row.model.name } })}
              columns={[
                { key: 'name', head: 'Model', cell: (row) => <span className="font-medium">{row.model.name}</span> },
                { key: 'champion', head: 'Champion', cell: (row) => (row.champion ? <span className="num">v{row.champion.number}</span> : <span className="text-ink-3">none yet</span>) },
                { key: 'aliases', head: 'Aliases', cell: (row) => <span className="flex gap-1">{Object.keys(row.model.aliases).map((name) => <Tag key={name}>{name}</Tag>)}</span> },
                { key: 'versions', head: 'Versions', right: true, width: '88px', cell: (row) => count(row.model.versions) },
                { key: 'accuracy', head: 'Champion’s accuracy', right: true, width: '200px', cell: (row) => (row.accuracy ? <WithLimits {...row.accuracy} /> : '–') },
                { key: 'newest', head: 'Newest version', right: true, width: '128px', cell: (row) => (row.newest ? <span title={moment(row.newest.made_at)}>{ago(row.newest.made_at)}</span> : '–') },
              ]}
            />
          )
        }
      </Loaded>
    </Page>
  )
}
