import { useQueries, useQuery } from '@tanstack/react-query'
import { Link, useNavigate } from '@tanstack/react-router'
import { GitBranch } from 'lucide-react'
import { Table, type Column } from '@/ui/table'
import { ago, count, moment } from '@/ui/format'
import { Copyable, Empty, Loaded } from '@/ui/states'
import { datasetsQuery } from './actions'
import { useAddress } from './view'
import { versionsQuery, type Version } from './versions-data'

const sum = (counts: Record<string, number>): number => Object.values(counts).reduce((all, one) => all + one, 0)

/** The versions of a dataset, newest first, or every dataset with its newest. */
export default function Versions() {
  const { dataset } = useAddress()
  return dataset ? <Of dataset={dataset} /> : <All />
}

function Of({ dataset }: { dataset: string }) {
  const { workspace, search } = useAddress()
  const navigate = useNavigate()
  const versions = useQuery(versionsQuery(dataset))
  return (
    <Loaded query={versions} what={`The versions of ${dataset}`}>
      {({ items }) => {
        const number = new Map(items.map((one) => [one.id, one.number]))
        const current = search.v ?? String(items.at(-1)?.number ?? '')
        const columns: Column<Version>[] = [
          {
            key: 'version', head: 'Version', width: '96px',
            cell: (one) => (
              <span className="flex items-center gap-2">
                <span aria-hidden className={one.parent ? 'ml-0.5 text-ink-3' : 'text-ink-3'}>{String(one.number) === current ? '●' : '○'}</span>
                <span className="num font-medium">v{one.number}</span>
              </span>
            ),
          },
          { key: 'note', head: 'Why', cell: (one) => one.note || <span className="text-ink-3">no note</span>, width: 'minmax(120px,1.6fr)' },
          { key: 'samples', head: 'Samples', right: true, width: '88px', cell: (one) => count(sum(one.counts)) },
          { key: 'labelled', head: 'Labelled', right: true, width: '88px', cell: (one) => count(sum(one.label_counts) - (one.label_counts[''] ?? 0)) },
          { key: 'splits', head: 'Splits', width: 'minmax(160px,1.4fr)', cell: (one) => <span className="num text-xs text-ink-2">{Object.entries(one.counts).map(([split, rows]) => `${split} ${count(rows)}`).join(', ')}</span> },
          { key: 'hash', head: 'Hash', width: '132px', cell: (one) => <Copyable text={one.hash} short={10} /> },
          { key: 'made', head: 'Made', width: '104px', cell: (one) => <span title={moment(one.made_at)}>{ago(one.made_at)}</span> },
          {
            key: 'diff', head: 'Changed', width: '96px',
            cell: (one) =>
              one.parent && number.has(one.parent) ? (
                <Link to="/w/$workspace/datasets/$dataset/diff" params={{ workspace, dataset }} search={{ a: String(number.get(one.parent)), b: String(one.number) }} onClick={(event) => event.stopPropagation()} className="text-sel hover:underline">
                  since v{number.get(one.parent)}
                </Link>
              ) : (
                <span className="text-ink-3">the first</span>
              ),
          },
        ]
        if (!items.length) return <Empty icon={<GitBranch />} title="No version yet">Filter the samples and freeze what you see: its hash stands for exactly these pictures and labels.</Empty>
        return <Table rows={[...items].reverse()} columns={columns} id={(one) => one.id} label={`Versions of ${dataset}`} onOpen={(one) => void navigate({ to: '/w/$workspace/datasets/$dataset', params: { workspace, dataset }, search: { v: String(one.number) } })} />
      }}
    </Loaded>
  )
}

function All() {
  const { workspace } = useAddress()
  const navigate = useNavigate()
  const datasets = useQuery(datasetsQuery())
  const versions = useQueries({ queries: (datasets.data?.items ?? []).map((one) => versionsQuery(one.name)) })
  return (
    <Loaded query={datasets} what="The datasets">
      {({ items }) => {
        const rows = items.map((one, at) => ({ ...one, versions: versions[at]?.data?.items ?? [] }))
        if (!rows.length) return <Empty icon={<GitBranch />} title="No dataset yet">A dataset is a line of frozen versions. Make the first from the grid: New version from the view.</Empty>
        return (
          <Table
            rows={rows}
            id={(one) => one.id}
            label="Datasets"
            onOpen={(one) => void navigate({ to: '/w/$workspace/datasets/$dataset', params: { workspace, dataset: one.name }, search: { view: 'versions' } })}
            columns={[
              { key: 'name', head: 'Dataset', cell: (one) => <span className="font-medium">{one.name}</span> },
              { key: 'newest', head: 'Newest', width: '88px', cell: (one) => (one.versions.length ? <span className="num">v{one.versions.at(-1)!.number}</span> : '–') },
              { key: 'samples', head: 'Samples', right: true, width: '96px', cell: (one) => count(one.versions.length ? sum(one.versions.at(-1)!.counts) : 0) },
              { key: 'note', head: 'Why', width: 'minmax(0,2fr)', cell: (one) => one.versions.at(-1)?.note ?? '' },
              { key: 'made', head: 'Made', width: '112px', cell: (one) => ago(one.versions.at(-1)?.made_at) },
            ]}
          />
        )
      }}
    </Loaded>
  )
}
