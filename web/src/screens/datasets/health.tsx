import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useEffect, useMemo, useState, type ReactNode } from 'react'
import { api, asked } from '@/api/client'
import type { Sheet } from '@/media/columns'
import { facetCounts, apply, extent } from '@/media/filters'
import { writeFilters } from '@/media/links'
import { ordered } from '@/media/order'
import { Input } from '@/ui/field'
import { goesOn } from '@/screens/runs/queries'
import { Button } from '@/ui/button'
import { ago, count, percent } from '@/ui/format'
import { Failed } from '@/ui/states'
import { Expected } from './expected'
import { nameSet } from './sets'
import { Strip } from './strip'
import { duplicateQuery, outlierQuery, useAddress, type Search, type View } from './view'

const SHOWN = 12

/** What may be wrong with the samples, each a door into the grid. */
export default function Health({ view }: { view: View }) {
  const { sheet } = view
  const { workspace, version } = useAddress()
  const quarantine = useQuery(asked(['quarantine'], () => api.GET('/api/v1/quarantine') as Promise<{ data?: { items: { state: string; reason: string }[] } }>))
  const everything = useMemo(() => apply(sheet, {}), [sheet])
  const labels = useMemo(() => facetCounts(sheet, everything, 'label'), [sheet, everything])
  const unlabelled = labels.at(-1) ?? 0
  const few = useMemo(() => {
    const column = sheet.columns.get('label')
    if (column?.kind !== 'texts') return []
    return column.values.map((value, code) => ({ value, rows: labels[code]! })).filter((one) => one.rows > 0).sort((a, b) => a.rows - b.rows)
  }, [sheet, labels])
  const held = quarantine.data?.items.filter((one) => one.state === 'quarantined').length ?? 0
  return (
    <div className="h-full overflow-y-auto px-6 py-2" tabIndex={0} role="region" aria-label="Health of the samples">
      <Alike sheet={sheet} workspace={workspace} />
      <Apart sheet={sheet} workspace={workspace} />
      {version && <Doubtful sheet={sheet} workspace={workspace} version={version} key={version} />}
      <Ranked view={view} name="brightness" title="Too dark" sort="dark" below={0.15} sub="Mean brightness, 0 is black and 1 is white." />
      <Ranked view={view} name="brightness" title="Too bright" sort="bright" below={0.9} above sub="Mean brightness, 0 is black and 1 is white." />
      <Ranked view={view} name="blur" title="Too blurred" sort="blurred" below={10} sub="Variance of the Laplacian: the lower, the fewer edges." />
      <Line title="Unlabelled" number={unlabelled} door={{ f: writeFilters({ label: [''] }) }} sub={sheet.size ? `${percent(unlabelled / sheet.size)} of ${count(sheet.size)} samples.` : ''}>
        <ul className="flex flex-wrap gap-x-6 text-xs">
          {few.slice(0, 8).map((one) => (
            <li key={one.value}>
              <Link to="." search={((old: Search) => ({ ...old, view: undefined, f: writeFilters({ label: [one.value] }) })) as never} className="flex h-6 items-center gap-2 hover:underline">
                {one.value} <span className="num text-ink-2">{count(one.rows)}</span>
              </Link>
            </li>
          ))}
        </ul>
      </Line>
      <Expected workspace={workspace} dataset={version?.split('@')[0] ?? ''} />
      {!version && (
        <section className="grid items-center gap-x-6 gap-y-3 lg:grid-cols-[240px_minmax(0,1fr)] py-4">
          <div>
            <h2 className="text-xs text-ink-2">Quarantine</h2>
            <Link to="/w/$workspace/sources" params={{ workspace }} search={{ tab: 'quarantine' }} className="num text-lg font-semibold hover:underline">
              {quarantine.isLoading ? '–' : count(held)}
            </Link>
          </div>
          <p className="text-xs text-ink-2">{held ? 'Files that could not become samples, each with its reason.' : 'Every file that came in could be read.'}</p>
        </section>
      )}
    </div>
  )
}

/** A run that looks among many samples: how it goes, and a way to begin it. When it ends what it found is asked for again. */
function useLook(workspace: string, kind: 'outliers' | 'near-duplicates') {
  const cache = useQueryClient()
  const run = useQuery({
    ...asked(['runs', kind], () => api.GET('/api/v1/runs', { params: { query: { kind, limit: 1 } } })),
    refetchInterval: (query) => (query.state.data?.items.some(goesOn) ? 1000 : false),
  })
  const look = useMutation({
    mutationFn: async () => void (kind === 'outliers' ? await api.POST('/api/v1/outliers', { body: {} }) : await api.POST('/api/v1/near-duplicates', { body: {} })),
    onSuccess: () => cache.invalidateQueries({ queryKey: [workspace, 'runs', kind] }),
  })
  const newest = run.data?.items[0]
  const going = newest && goesOn(newest) ? newest : null
  const ended = newest?.state === 'succeeded' ? newest.id : ''
  useEffect(() => {
    if (ended) void cache.invalidateQueries({ queryKey: [workspace, kind] })
  }, [ended, cache, workspace, kind])
  return { look, going, failed: newest?.state === 'failed' ? new Error(String((newest.error as { message?: string }).message ?? '')) : null }
}

type Answer = { made_at: string | null; current: boolean; size: number }

/** How fresh an answer is, in words; nothing where it is of now. */
const freshness = (found: Answer | undefined): string | null =>
  found?.made_at === null ? 'Nobody has looked among this many samples yet.' : found && !found.current ? `As of ${ago(found.made_at!)}, among ${count(found.size)} samples; others have come in since.` : null

/** What somebody may have done about an answer that is missing or old. */
function Again({ found, what, run }: { found: Answer | undefined; what: string; run: ReturnType<typeof useLook> }) {
  if (!found || (found.made_at !== null && found.current)) return null
  return (
    <Button small needs="dataset.write" busy={run.look.isPending || !!run.going} onClick={() => run.look.mutate()} className="mt-1 w-fit">
      {found.made_at === null ? `Look for ${what}` : 'Look again'}
    </Button>
  )
}

/** What looks the same. Of few samples it is there at once; among many somebody has a run look. */
function Alike({ sheet, workspace }: { sheet: Sheet; workspace: string }) {
  const duplicates = useQuery(duplicateQuery())
  const run = useLook(workspace, 'near-duplicates')
  const found = duplicates.data
  const groups = useMemo(
    () =>
      (found?.groups ?? [])
        .map((group) => group.map((id) => sheet.row(id)).filter((row) => row >= 0))
        .filter((rows) => rows.length > 1)
        .sort((a, b) => b.length - a.length),
    [found, sheet],
  )
  const alike = groups.reduce((sum, rows) => sum + rows.length, 0)
  const groupsSaid = groups.length ? `${count(groups.length)} groups, the largest of ${groups[0]!.length}. They stay together when a version is split.` : 'No two samples look the same.'
  const sub = duplicates.isLoading || run.going ? 'Comparing perceptual hashes.' : (freshness(found) ?? groupsSaid)
  return (
    <Line title="Near-duplicates" number={alike} door={{ set: 'duplicates' }} sub={sub} busy={duplicates.isLoading || found?.made_at === null} error={duplicates.error ?? run.look.error ?? (found?.current ? null : run.failed)} aside={<Again found={found} what="near-duplicates" run={run} />}>
      <Strip sheet={sheet} rows={groups.slice(0, SHOWN).map((rows) => rows[0]!)} workspace={workspace} label="One of each of the largest groups" />
    </Line>
  )
}

/** What stands apart. Of few samples it is there at once; among many somebody has a run look, and sees how far it is. */
function Apart({ sheet, workspace }: { sheet: Sheet; workspace: string }) {
  const outliers = useQuery(outlierQuery())
  const run = useLook(workspace, 'outliers')
  const found = outliers.data
  const far = useMemo(() => (found?.items ?? []).map((one) => sheet.row(one.sample)).filter((row) => row >= 0), [found, sheet])
  const progress = run.going?.progress as { done?: number; total?: number } | undefined
  const sub = run.going ? `Measuring distances${progress?.total ? `: ${count(progress.done ?? 0)} of ${count(progress.total)} samples` : ''}.` : (freshness(found) ?? 'Farthest from their nearest neighbours by what the embedding sees.')
  return (
    <Line title="Outliers" number={far.length} door={{ set: 'outliers' }} sub={sub} busy={outliers.isLoading || found?.made_at === null} error={outliers.error ?? run.look.error ?? (found?.current ? null : run.failed)} aside={<Again found={found} what="outliers" run={run} />}>
      <Strip sheet={sheet} rows={far.slice(0, SHOWN)} workspace={workspace} label="The farthest" />
    </Line>
  )
}

type Suspect = { sample: string; label: string; suggested: string; confident: boolean }

/** Labels of a version that a model which never saw them contradicts, worst first: a run looks when somebody asks. */
function Doubtful({ sheet, workspace, version }: { sheet: Sheet; workspace: string; version: string }) {
  const cache = useQueryClient()
  const frozen = useQuery(asked(['dataset-versions', version], () => api.GET('/api/v1/dataset-versions/{version}', { params: { path: { version } } })))
  const runs = useQuery({
    ...asked(['runs', 'label-errors'], () => api.GET('/api/v1/runs', { params: { query: { kind: 'label-errors', limit: 20 } } })),
    refetchInterval: (query) => (query.state.data?.items.some(goesOn) ? 1000 : false),
  })
  const look = useMutation({
    mutationFn: () => api.POST('/api/v1/label-errors', { body: { dataset_version: version } }),
    onSuccess: () => cache.invalidateQueries({ queryKey: [workspace, 'runs', 'label-errors'] }),
  })
  const mine = runs.data?.items.find((one) => frozen.data && one.params['dataset_version'] === frozen.data.id)
  const output = useMemo(() => (mine?.state === 'succeeded' ? (mine.output as { suspects: Suspect[]; found: number; contradicted: number; labelled: number }) : null), [mine])
  const rows = useMemo(() => (output?.suspects ?? []).map((one) => sheet.row(one.sample)).filter((row) => row >= 0), [output, sheet])
  const named = useMemo(() => (output?.suspects.length ? nameSet(output.suspects.map((one) => one.sample)) : undefined), [output])
  const going = !!mine && goesOn(mine)
  const sub = going
    ? 'Models are being fitted, each without the labels that it judges.'
    : output
      ? `${count(output.contradicted)} of ${count(output.labelled)} labels are contradicted by a model that never saw them; ${count(output.found)} are probably wrong.`
      : 'Nobody has looked at this version yet.'
  return (
    <Line
      title="Doubtful labels"
      number={output?.contradicted ?? 0}
      door={{ set: named }}
      sub={sub}
      busy={!output}
      error={look.error ?? (mine?.state === 'failed' ? new Error(String((mine.error as { message?: string }).message ?? '')) : null)}
      aside={
        !output && (
          <Button small needs="train" busy={look.isPending || going} onClick={() => look.mutate()} className="mt-1 w-fit">
            Look for wrong labels
          </Button>
        )
      }
    >
      <Strip sheet={sheet} rows={rows.slice(0, SHOWN)} workspace={workspace} label="The most doubtful" />
    </Line>
  )
}

function Line({ title, number, door, sub, busy, error, aside, children }: { title: string; number: number; door: Partial<Search>; sub: string; busy?: boolean; error?: unknown; aside?: ReactNode; children?: ReactNode }) {
  return (
    <section aria-label={title} className="grid items-center gap-x-6 gap-y-3 lg:grid-cols-[240px_minmax(0,1fr)] border-b border-line py-4">
      <div className="flex flex-col gap-0.5">
        <h2 className="text-xs text-ink-2">{title}</h2>
        <Link to="." search={((old: Search) => ({ v: old.v, ...door })) as never} className="num w-fit text-lg font-semibold hover:underline" aria-label={`${count(number)} ${title.toLowerCase()}: open in the grid`}>
          {busy ? '–' : count(number)}
        </Link>
        <p className="text-2xs text-ink-3">{sub}</p>
        {aside}
      </div>
      {error ? <Failed what={title} error={error} /> : children}
    </section>
  )
}

/** Samples on the wrong side of a threshold that the reader sets, worst first. */
function Ranked({ view, name, title, sub, sort, below, above }: { view: View; name: string; title: string; sub: string; sort: 'dark' | 'bright' | 'blurred'; below: number; above?: boolean }) {
  const { sheet } = view
  const { workspace } = useAddress()
  const [typed, setTyped] = useState(String(below))
  const limit = Number(typed)
  const [low, high] = useMemo(() => extent(sheet, name), [sheet, name])
  const rows = useMemo(() => {
    const column = sheet.columns.get(name)
    if (column?.kind !== 'numbers' || Number.isNaN(limit)) return []
    return Array.from(ordered(sheet, sort)).filter((row) => (above ? column.values[row]! > limit : column.values[row]! < limit))
  }, [sheet, name, sort, limit, above])
  if (Number.isNaN(low)) return null
  const range: [number, number] = above ? [limit, high] : [low, limit]
  return (
    <Line
      title={title}
      number={rows.length}
      door={{ f: writeFilters({ [name]: range }), sort }}
      sub={sub}
      aside={
        <label className="mt-1 flex items-center gap-2 text-2xs text-ink-2">
          {above ? 'Above' : 'Below'}
          <Input value={typed} onChange={(event) => setTyped(event.target.value)} inputMode="decimal" aria-label={`${title}: threshold`} className="num h-6 w-16 text-xs" />
          <span className="num text-ink-3">
            of {+low.toPrecision(2)} to {+high.toPrecision(3)}
          </span>
        </label>
      }
    >
      <Strip sheet={sheet} rows={rows.slice(0, SHOWN)} workspace={workspace} label={title} />
    </Line>
  )
}
