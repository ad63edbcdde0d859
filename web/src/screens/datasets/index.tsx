import { useQuery } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { ChevronDown, Ellipsis, Images } from 'lucide-react'
import { lazy, Suspense, useEffect, useState } from 'react'
import type { Sheet } from '@/media/columns'
import { firstPath, waits } from '@/media/first'
import { useFirst, useSheet } from '@/media/sheet'
import { bindKeys } from '@/shell/keys'
import { Button } from '@/ui/button'
import { count } from '@/ui/format'
import { Menu } from '@/ui/menu'
import { Page } from '@/ui/page'
import { Segments } from '@/ui/select'
import { Empty, Loaded, Progress } from '@/ui/states'
import { datasetsQuery, Export, NewVersion, save, schemasQuery, SendToReview } from './actions'
import { Browse } from './browse'
import { knowSchemas } from './names'
import { SearchBox } from './search-box'
import { versionsQuery } from './versions-data'
import { chosenIds, useAddress, useChosen, useSelection, useView, type View } from './view'

const MapView = lazy(() => import('./map'))
const Health = lazy(() => import('./health'))
const Versions = lazy(() => import('./versions'))

const VIEWS = [
  { value: 'grid', label: 'Grid', hint: '1' },
  { value: 'map', label: 'Map', hint: '2' },
  { value: 'health', label: 'Health', hint: '3' },
  { value: 'versions', label: 'Versions', hint: '4' },
] as const

/** The samples: all of them, or a version of a dataset, as a grid, a map, or what is wrong with them. */
export default function Screen() {
  const { search, version, dataset, workspace } = useAddress()
  const path = firstPath(search, version)
  const first = useFirst(path)
  const sheet = useSheet(version, !path || !waits(search) || !first.isPending)
  const schemas = useQuery(schemasQuery())
  if (schemas.data) knowSchemas(schemas.data.items)
  const navigate = useNavigate()
  if (sheet.data && !sheet.data.size && !dataset) {
    return (
      <Page title="Datasets" sub={<Pickers />}>
        <Empty
          icon={<Images />}
          title="No samples yet"
          actions={
            <>
              <Button look="primary" needs="ingest" onClick={() => void navigate({ to: '/w/$workspace/sources', params: { workspace } })}>
                Connect a source
              </Button>
              <Button onClick={() => void navigate({ to: '/w/$workspace', params: { workspace } })}>See the loop</Button>
            </>
          }
        >
          Images from folders, uploads and cameras stand here, to be searched, labelled and frozen into versions.
        </Empty>
      </Page>
    )
  }
  if (schemas.isPending) return <Progress busy />
  const shown = sheet.data ?? (path ? first.data : undefined)
  if (shown) return <Samples sheet={shown} />
  return <Loaded query={sheet} what={dataset ? `The dataset ${dataset}` : 'The samples'}>{() => null}</Loaded>
}

function Samples({ sheet }: { sheet: Sheet }) {
  const { search, go, dataset, version } = useAddress()
  const view = useView(sheet)
  const selection = useSelection(sheet)
  const [asking, setAsking] = useState<'review' | 'version' | 'export' | null>(null)
  const shown = search.view ?? 'grid'
  useEffect(
    () => bindKeys(Object.fromEntries(VIEWS.map((one, at) => [String(at + 1), { label: `${one.label} view`, run: () => go({ view: one.value === 'grid' ? undefined : one.value }) }]))),
    [go],
  )
  const selected = useChosen(view, selection)
  const chosen = selected || view.rows.length
  const partial = !sheet.whole
  const ids = () => chosenIds(view, selection)
  return (
    <Page
      title="Datasets"
      sub={
        <>
          <Pickers />
          <span aria-live="polite">
            {count(partial ? sheet.total : view.rows.length)}
            {view.rows.length !== sheet.size && ` of ${count(sheet.size)}`}
          </span>
        </>
      }
      actions={
        <>
          <SearchBox />
          <Segments label="View" value={shown} onChange={(next) => go({ view: next === 'grid' ? undefined : next })} options={VIEWS} />
          <Menu
            align="end"
            items={[
              { label: `New version from ${selected ? 'the selection' : 'the view'}`, disabled: partial, onSelect: () => setAsking('version') },
              { label: version ? `Export ${version}` : 'Export a version', disabled: !dataset, hint: dataset ? '' : 'open a dataset first', onSelect: () => setAsking('export') },
              { label: `List of ${selected ? 'the selection' : 'the view'} as CSV`, disabled: partial, onSelect: () => save(asCsv(view, ids()), 'samples.csv') },
            ]}
          >
            <Button look="quiet" icon={<Ellipsis size={15} />} aria-label="More verbs" />
          </Menu>
          <Button look="primary" needs="dataset.write" disabled={!chosen || partial} onClick={() => setAsking('review')}>
            Send {selected ? count(selected) : 'view'} to review
          </Button>
        </>
      }
    >
      <Progress busy={partial || !!view.like?.busy || !!view.set?.busy} />
      <Suspense fallback={<Progress busy />}>
        {shown === 'map' ? <MapView view={view} selection={selection} /> : shown === 'health' ? <Health view={view} /> : shown === 'versions' ? <Versions /> : <Browse view={view} selection={selection} />}
      </Suspense>
      {asking === 'review' && <SendToReview ids={ids()} close={() => setAsking(null)} />}
      {asking === 'version' && <NewVersion ids={ids()} view={view} whole={!selected} close={() => setAsking(null)} />}
      {asking === 'export' && version && <Export version={version} close={() => setAsking(null)} />}
    </Page>
  )
}

/** Which dataset and which version of it. */
function Pickers() {
  const { workspace, dataset, search } = useAddress()
  const navigate = useNavigate()
  const datasets = useQuery(datasetsQuery())
  const versions = useQuery({ ...versionsQuery(dataset ?? ''), enabled: !!dataset })
  const open = (name: string, v?: number) => void navigate({ to: '/w/$workspace/datasets/$dataset', params: { workspace, dataset: name }, search: { ...(v ? { v: String(v) } : {}), ...(search.view ? { view: search.view } : {}) } })
  const face = 'inline-flex h-7 min-w-0 items-center gap-1 rounded-md px-2 text-ink hover:bg-raised'
  return (
    <>
      <Menu
        items={[
          { label: 'All samples', onSelect: () => void navigate({ to: '/w/$workspace/datasets', params: { workspace } }) },
          'line' as const,
          ...(datasets.data?.items ?? []).map((one) => ({ label: one.name, onSelect: () => open(one.name) })),
        ]}
      >
        <button type="button" className={face}>
          <span className="max-w-40 truncate">{dataset ?? 'All samples'}</span>
          <ChevronDown size={13} className="shrink-0 text-ink-3" aria-hidden />
        </button>
      </Menu>
      {dataset && (
        <Menu items={[...(versions.data?.items ?? [])].reverse().map((one) => ({ label: `v${one.number}`, hint: one.note, onSelect: () => open(dataset, one.number) }))}>
          <button type="button" className={face}>
            v{search.v ?? versions.data?.items.at(-1)?.number ?? '–'}
            <ChevronDown size={13} className="shrink-0 text-ink-3" aria-hidden />
          </button>
        </Menu>
      )}
    </>
  )
}

function asCsv(view: View, ids: string[]): Blob {
  const cell = (text: string) => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text)
  return new Blob(['sample,name\n', ...ids.map((id) => `${id},${cell(view.sheet.names[view.sheet.row(id)]!)}\n`)], { type: 'text/csv' })
}
