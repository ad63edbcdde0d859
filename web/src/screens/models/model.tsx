import { useQuery } from '@tanstack/react-query'
import { Link, Navigate, useNavigate, useParams, useSearch } from '@tanstack/react-router'
import { lazy, Suspense, useState } from 'react'
import { api, asked } from '@/api/client'
import { metricsOf } from '@/screens/runs/rows'
import { Button } from '@/ui/button'
import { cx } from '@/ui/classes'
import { ago, moment, percent } from '@/ui/format'
import { Tag } from '@/ui/marks'
import { Page } from '@/ui/page'
import { Segments } from '@/ui/select'
import { Failed, Loaded, Progress } from '@/ui/states'
import { Card } from './card'
import { EvaluationView } from './evaluation'
import { Gates } from './gates'
import { Promote, RollBack } from './promote'
import { modelQuery, movesQuery, versionsQuery, type Model, type ModelVersion } from './queries'
import type { Results } from './selection'

const Lineage = lazy(() => import('./lineage'))
const TABS = [
  { value: 'card', label: 'Card' },
  { value: 'eval', label: 'Evaluation' },
  { value: 'gates', label: 'Gates' },
  { value: 'lineage', label: 'Lineage' },
] as const

/** One model: its versions, and of the chosen one the card, evaluation, gates and lineage. */
export default function ModelPage() {
  const { workspace, model: name } = useParams({ from: '/w/$workspace/models/$model' })
  return name.startsWith('mdv_') ? <OfVersion workspace={workspace} id={name} /> : <OfName workspace={workspace} name={name} />
}

/** The way from a version's id to its model. */
function OfVersion({ workspace, id }: { workspace: string; id: string }) {
  const version = useQuery(asked(['model-version', id], () => api.GET('/api/v1/model-versions/{version}', { params: { path: { version: id } } })))
  return <Loaded query={version} what="The model version">{(one) => <Navigate to="/w/$workspace/models/$model" params={{ workspace, model: one.model }} search={{ v: String(one.number) }} replace />}</Loaded>
}

function OfName({ workspace, name }: { workspace: string; name: string }) {
  const model = useQuery(modelQuery(name))
  const versions = useQuery(versionsQuery(name))
  if (model.isError) return <Failed what="The model" error={model.error} retry={() => void model.refetch()} />
  if (!model.data) return <Progress busy />
  return <Loaded query={versions} what="Its versions">{(all) => (all.items.length ? <Shown workspace={workspace} model={model.data} versions={all.items} /> : <Page title={name}>{null}</Page>)}</Loaded>
}

function Shown({ workspace, model, versions }: { workspace: string; model: Model; versions: ModelVersion[] }) {
  const search = useSearch({ from: '/w/$workspace/models/$model' })
  const navigate = useNavigate({ from: '/w/$workspace/models/$model' })
  const moves = useQuery(movesQuery(model.name))
  const [asking, setAsking] = useState<'promote' | 'rollback' | null>(null)
  const holder = model.aliases.champion
  const chosen = versions.find((one) => String(one.number) === search.v || one.id === search.v) ?? versions.find((one) => one.id === holder) ?? versions.at(-1)!
  const tab = search.tab ?? 'card'
  const aliasesOf = (id: string) => Object.entries(model.aliases).flatMap(([alias, version]) => (version === id ? [alias] : []))
  const last = moves.data?.items.at(-1)
  const before = last && versions.find((one) => one.id === last.from_version)
  return (
    <Page
      title={<Link to="/w/$workspace/models" params={{ workspace }} className="text-ink-2 hover:text-ink">Models</Link>}
      sub={
        <>
          <span className="font-semibold text-ink">{model.name}</span> <span className="text-ink">v{chosen.number}</span> {aliasesOf(chosen.id).map((alias) => <Tag key={alias}>{alias}</Tag>)}
        </>
      }
      actions={
        <>
          <Segments label="Part of the version" value={tab} onChange={(value) => void navigate({ search: (old) => ({ ...old, tab: value, cell: undefined }), replace: true })} options={TABS} />
          <Button needs="promote" disabled={!before} tip={before ? undefined : 'Nothing to go back to: the alias has not moved from another version.'} onClick={() => setAsking('rollback')}>
            Roll back
          </Button>
          <Button look="primary" needs="promote" disabled={chosen.id === holder} tip={chosen.id === holder ? 'This version is the champion already.' : undefined} onClick={() => setAsking('promote')}>
            Promote v{chosen.number}
          </Button>
        </>
      }
    >
      <div className="flex h-full min-h-0 max-md:flex-col">
        <Versions versions={versions} chosen={chosen} aliasesOf={aliasesOf} onChoose={(one) => void navigate({ search: (old) => ({ ...old, v: String(one.number), cell: undefined }), replace: true })} />
        <div className="relative min-h-0 min-w-0 grow">
          {tab === 'card' && <Card version={chosen.id} />}
          {tab === 'gates' && <Gates model={model} version={chosen} versions={versions} moves={moves.data?.items ?? []} />}
          {tab === 'eval' && <Evaluation version={chosen} cell={search.cell} onCell={(cell) => void navigate({ search: (old) => ({ ...old, cell }), replace: true })} />}
          {tab === 'lineage' && (
            <Suspense fallback={<Progress busy />}>
              <Lineage focus={chosen.id} />
            </Suspense>
          )}
        </div>
      </div>
      {asking === 'promote' && <Promote model={model} version={chosen} holder={versions.find((one) => one.id === holder)} onClose={() => setAsking(null)} />}
      {asking === 'rollback' && last && before && <RollBack model={model} from={versions.find((one) => one.id === last.to_version)!} to={before} onClose={() => setAsking(null)} />}
    </Page>
  )
}

function Versions({ versions, chosen, aliasesOf, onChoose }: { versions: ModelVersion[]; chosen: ModelVersion; aliasesOf: (id: string) => string[]; onChoose: (one: ModelVersion) => void }) {
  return (
    <nav aria-label="Versions" className="w-56 shrink-0 overflow-auto border-r border-line p-2 max-md:flex max-md:w-auto max-md:border-r-0 max-md:border-b" tabIndex={0}>
      {versions.toReversed().map((one) => {
        const accuracy = metricsOf(one.metrics).find((metric) => metric.name === 'accuracy')
        return (
          <button key={one.id} type="button" aria-current={one.id === chosen.id || undefined} onClick={() => onChoose(one)} className={cx('flex w-full flex-col rounded-md px-2 py-1.5 text-left max-md:w-40 max-md:shrink-0', one.id === chosen.id ? 'bg-sel-bg' : 'hover:bg-raised')}>
            <span className="flex items-center gap-1.5">
              <span className="num font-medium">v{one.number}</span>
              {aliasesOf(one.id).map((alias) => (
                <Tag key={alias}>{alias}</Tag>
              ))}
            </span>
            <span className="num flex justify-between text-2xs text-ink-2">
              <span>{accuracy ? percent(accuracy.value) : ''}</span>
              <span title={moment(one.made_at)}>{ago(one.made_at)}</span>
            </span>
          </button>
        )
      })}
    </nav>
  )
}

function Evaluation({ version, cell, onCell }: { version: ModelVersion; cell?: string; onCell: (cell?: string) => void }) {
  const results = useQuery({ ...asked(['evaluation', version.id, ''], () => api.GET('/api/v1/model-versions/{version}/evaluation', { params: { path: { version: version.id } } })), staleTime: Infinity })
  return <Loaded query={results} what="The evaluation">{(found) => <EvaluationView results={found as Results} metrics={version.metrics} cell={cell} onCell={onCell} />}</Loaded>
}
