import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router'
import { ArrowRight, GitCompare } from 'lucide-react'
import { useCallback, useMemo, useState } from 'react'
import { api, asked } from '@/api/client'
import { textAt, type Sheet } from '@/media/columns'
import { useSheet } from '@/media/sheet'
import { count } from '@/ui/format'
import { Swatch } from '@/ui/marks'
import { Page } from '@/ui/page'
import { Segments, Select } from '@/ui/select'
import { Empty, Failed, Loaded, Progress } from '@/ui/states'
import { Grid } from './grid'
import { schemasQuery } from './actions'
import { classColours, knowSchemas, valued } from './names'
import { versionsQuery } from './versions-data'
import { useSelection } from './view'

type Show = 'added' | 'removed' | 'relabelled' | 'moved'
const SHOWS: readonly Show[] = ['added', 'removed', 'relabelled', 'moved']

/** What changed from one version of a dataset to another, as pictures. */
export default function Screen() {
  const { workspace, dataset } = useParams({ from: '/w/$workspace/datasets/$dataset/diff' })
  const search = useSearch({ from: '/w/$workspace/datasets/$dataset/diff' })
  const navigate = useNavigate()
  const versions = useQuery(versionsQuery(dataset))
  const numbers = (versions.data?.items ?? []).map((one) => String(one.number))
  const b = search.b ?? numbers.at(-1)
  const a = search.a ?? numbers.at(-2)
  const ready = !!a && !!b
  const diff = useQuery({
    ...asked(['diff', dataset, a, b], () => api.GET('/api/v1/dataset-versions/{a}/diff/{b}', { params: { path: { a: `${dataset}@${a}`, b: `${dataset}@${b}` } } })),
    enabled: ready,
    staleTime: Infinity,
  })
  const go = (change: Record<string, string>) => void navigate({ to: '.', search: (old: object) => ({ ...old, ...change }), replace: true } as never)
  const options = numbers.map((number) => ({ value: number, label: `v${number}`, hint: versions.data?.items.find((one) => String(one.number) === number)?.note }))
  const shown = search.show ?? SHOWS.find((one) => diff.data?.[one].length) ?? 'added'
  return (
    <Page
      title={
        <Link to="/w/$workspace/datasets/$dataset" params={{ workspace, dataset }} search={{ view: 'versions' }} className="hover:underline">
          {dataset}
        </Link>
      }
      sub={
        ready && (
          <>
            <Select label="From version" value={a} onChange={(next) => go({ a: next })} options={options} className="text-xs" />
            <ArrowRight size={13} aria-hidden className="text-ink-3" />
            <Select label="To version" value={b} onChange={(next) => go({ b: next })} options={options} className="text-xs" />
          </>
        )
      }
      actions={diff.data && <Segments label="What changed" value={shown} onChange={(next) => go({ show: next })} options={SHOWS.map((one) => ({ value: one, label: `${one[0]!.toUpperCase()}${one.slice(1)} ${count(diff.data[one].length)}` }))} />}
    >
      {versions.data && !ready ? (
        <Empty icon={<GitCompare />} title="Only one version">
          When {dataset} has a second version, what changed stands here.
        </Empty>
      ) : ready ? (
        <Loaded query={diff} what="The difference">
          {(found) => <Changed key={shown} ids={found[shown]} shown={shown} a={`${dataset}@${a}`} b={`${dataset}@${b}`} workspace={workspace} />}
        </Loaded>
      ) : versions.isError ? (
        <Failed what={dataset} error={versions.error} />
      ) : (
        <Progress busy />
      )}
    </Page>
  )
}

function Changed({ ids, shown, a, b, workspace }: { ids: string[]; shown: Show; a: string; b: string; workspace: string }) {
  const schemas = useQuery(schemasQuery())
  if (schemas.data) knowSchemas(schemas.data.items)
  const before = useSheet(a)
  const after = useSheet(b)
  if (!ids.length) return <Empty icon={<GitCompare />} title={`Nothing was ${shown}`} />
  if (before.isError || after.isError) return <Failed what="The versions" error={before.error ?? after.error} />
  if (schemas.isPending || !before.data || !after.data || before.isPlaceholderData || after.isPlaceholderData) return <Progress busy />
  return <Pictures ids={ids} shown={shown} before={before.data} after={after.data} workspace={workspace} />
}

function Pictures({ ids, shown, before, after, workspace }: { ids: string[]; shown: Show; before: Sheet; after: Sheet; workspace: string }) {
  const sheet = shown === 'removed' ? before : after
  const rows = useMemo(() => Uint32Array.from(ids.map((id) => sheet.row(id)).filter((row) => row >= 0)), [ids, sheet])
  const selection = useSelection(sheet)
  const [at, setAt] = useState(0)
  const navigate = useNavigate()
  const note = useCallback(
    (row: number) => {
      const was = before.row(sheet.ids[row]!)
      const is = after.row(sheet.ids[row]!)
      const name = shown === 'moved' ? 'split' : 'label'
      const colours = shown === 'moved' ? null : classColours(sheet)
      const old = was >= 0 ? textAt(before, name, was) : ''
      const now = is >= 0 ? textAt(after, name, is) : ''
      const one = (value: string, struck: boolean) => (
        <span className={struck ? 'flex min-w-0 items-center gap-1 text-ink-2' : 'flex min-w-0 items-center gap-1'}>
          {colours && value && <Swatch colour={colours.get(value) ?? 'var(--ink-3)'} />}
          <span className="truncate">{valued(name, value)}</span>
        </span>
      )
      return (
        <span className="pointer-events-none absolute inset-x-1 bottom-1 flex" aria-hidden>
          <span className="flex h-4 min-w-0 items-center gap-1 rounded-[3px] border border-line-strong bg-bg/85 px-1 text-2xs leading-none text-ink">
            {shown !== 'added' && one(old, shown !== 'removed')}
            {shown !== 'added' && shown !== 'removed' && <ArrowRight size={10} className="shrink-0 text-ink-3" />}
            {shown !== 'removed' && one(now, false)}
            {(shown === 'added' || shown === 'removed') && <span className="text-ink-3">{textAt(sheet, 'split', row)}</span>}
          </span>
        </span>
      )
    },
    [shown, before, after, sheet],
  )
  return <Grid sheet={sheet} rows={rows} selection={selection} size={168} label={`${shown} samples`} at={Math.min(at, Math.max(0, rows.length - 1))} onAt={setAt} onOpen={(row) => void navigate({ to: '/w/$workspace/s/$sample', params: { workspace, sample: sheet.ids[row]! } })} note={note} />
}
