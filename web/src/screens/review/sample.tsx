import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router'
import { useCallback, useEffect, useMemo, useState } from 'react'
import { Document } from '@/canvas/document'
import { onPlan } from '@/canvas/plan'
import { SlotStrip, useSlots } from '@/media/slots'
import { useSensors } from '@/media/sensors'
import { drawnOf, OverImage } from './beside'
import { hasViewer, Medium } from '@/media/viewers/medium'
import { bindKeys } from '@/shell/keys'
import { Button } from '@/ui/button'
import { bytes, count, decimal, moment } from '@/ui/format'
import { Tag } from '@/ui/marks'
import { Page } from '@/ui/page'
import { Select } from '@/ui/select'
import { Copyable, Failed, Loaded, Progress } from '@/ui/states'
import { fetched, sampleQuery, type Sample, type SampleObjects, type Schema } from './data'
import { plan } from './from-above'
import { picture, type Picture } from './pictures'
import { begun, initials } from './saving'
import { Workbench } from './workbench'

type Annotation = { id: string; schema: string; label: string; author: string; author_kind?: string; basis: string; revision: number; object?: string; made_at: string }
type Lineage = { downstream?: { model_versions?: { id: string; model: string; number: number }[]; dataset_versions?: { id: string; dataset?: string; name?: string; number?: number }[]; predictions?: { count: number } } }

/** One sample by its address: what it shows, what is said of it, and what came of it. Nothing can be changed here. */
export default function Screen() {
  const { sample } = useParams({ from: '/w/$workspace/s/$sample' })
  const query = useQuery({ ...sampleQuery(sample), placeholderData: undefined })
  return (
    <Loaded query={query} what="This sample">
      {(found) => <Permalink sample={found} key={found.id} />}
    </Loaded>
  )
}

const PLAIN: Schema = { id: '', name: '', version: 1, classes: [], geometry_types: ['class'] }

function Permalink({ sample }: { sample: Sample }) {
  const search = useSearch({ from: '/w/$workspace/s/$sample' })
  const { workspace } = useParams({ from: '/w/$workspace' })
  const navigate = useNavigate({ from: '/w/$workspace/s/$sample' })
  const history = useQuery(fetched<{ items: Annotation[] }>(['samples', sample.id, 'annotations'], `/samples/${sample.id}/annotations`))
  const schemas = useQuery(fetched<{ items: Schema[] }>(['schemas'], '/schemas'))
  const said = [...new Set((history.data?.items ?? []).map((one) => one.schema))]
  const offered = schemas.data?.items ?? []
  const schema = offered.find((one) => one.name === search.schema || one.id === search.schema) ?? offered.find((one) => said.includes(one.id)) ?? offered[0]
  const [shown, setShown] = useState<{ picture: Picture; document: Document } | null>(null)
  const [problem, setProblem] = useState<unknown>(null)
  const objects = useQuery({ ...fetched<SampleObjects>(['samples', sample.id, 'objects', schema?.name], `/samples/${sample.id}/objects?schema=${encodeURIComponent(schema?.name ?? '')}`), enabled: !!schema })
  const suggestions = useQuery({ ...fetched<{ items: SampleObjects['objects'] }>(['samples', sample.id, 'suggestions', schema?.name], `/samples/${sample.id}/suggestions?schema=${encodeURIComponent(schema?.name ?? '')}`), enabled: !!schema })

  const apart = hasViewer(sample)
  const [drawn, setDrawn] = useState(!!search.obj)
  const slots = useSlots(sample.id)
  const sensors = useSensors(sample.id, slots.length > 0)
  const image = slots.find((one) => one.sample === sample.id && (one.kind === 'image' || one.kind === 'frame') && sensors?.[one.slot]?.fx)
  const sweep = slots.find((one) => one.kind === 'sweep' && sensors?.[one.slot])
  const through = image && sweep
  const [over, setOver] = useState(false)
  const solid = sample.kind === 'sweep' ? sample.id : through ? sweep.sample : ''
  const standing = useQuery({ ...fetched<SampleObjects>(['samples', solid, 'objects', schema?.name], `/samples/${solid}/objects?schema=${encodeURIComponent(schema?.name ?? '')}`), enabled: !!schema && !!solid })
  const cuboids = useMemo(() => drawnOf(standing.data?.objects ?? [], schema ?? PLAIN), [standing.data, schema])
  const show = useCallback((other: string) => void navigate({ to: '/w/$workspace/s/$sample', params: { workspace, sample: other } }), [navigate, workspace])
  useEffect(() => (through ? bindKeys({ o: { label: 'Points over the image', group: 'View', run: () => setOver((is) => !is) } }) : undefined), [through])
  const facts = <Facts sample={sample} history={history.data?.items ?? []} schemas={offered} />

  useEffect(() => {
    let stale = false
    if (apart && !drawn) return
    ;(sample.kind === 'sweep' ? plan(sample) : picture(sample.id)).then(
      (found) => {
        if (stale) return
        const all = objects.data ? begun(objects.data.objects, suggestions.data?.items ?? [], objects.data.rejected) : []
        setShown({ picture: found, document: new Document(sample.id, found.width, found.height, all.map((one) => onPlan(one, found.ground))) })
      },
      (error: unknown) => !stale && setProblem(error),
    )
    return () => void (stale = true)
  }, [sample, objects.data, suggestions.data, apart, drawn])

  return (
    <Page
      title={<span className="mono text-sm">{sample.name || sample.id}</span>}
      sub={<Copyable text={sample.id} short={16} />}
      actions={
        <>
          {through && (
            <Button aria-pressed={over} keys="O" onClick={() => setOver(!over)}>
              {over ? 'Show labels' : 'Show the points'}
            </Button>
          )}
          {apart && <Button onClick={() => setDrawn(!drawn)}>{drawn ? 'Show the medium' : 'Show labels'}</Button>}
          {offered.length > 1 && schema && (!apart || drawn) && <Select label="Classes" value={schema.name} onChange={(name) => void navigate({ search: (old) => ({ ...old, schema: name }), replace: true })} options={offered.map((one) => ({ value: one.name, label: one.name }))} />}
        </>
      }
    >
      <Progress busy={!shown && !problem && (!apart || drawn)} />
      <div className="flex h-full min-h-0 flex-col">
      <div className="min-h-0 grow">
      {through && over ? (
        <div className="h-full bg-well p-3">
          <OverImage image={image} sweep={sweep} cuboids={cuboids} />
        </div>
      ) : apart && !drawn ? (
        <div className="flex h-full min-h-0 max-md:block max-md:overflow-y-auto">
          <div className="min-w-0 grow p-4 max-md:h-full max-md:min-h-60">
            <Medium sample={sample.id} cuboids={cuboids}>{null}</Medium>
          </div>
          <div className="flex w-75 shrink-0 flex-col border-l border-line max-lg:w-52 max-md:w-auto max-md:border-l-0">{facts}</div>
        </div>
      ) : (
        <Workbench
          shown={shown}
          schema={schema ?? PLAIN}
          editable={false}
          select={search.obj}
          over={problem !== null && <div className="absolute inset-x-0 top-0"><Failed what="The image" error={problem} /></div>}
          below={facts}
        />
      )}
      </div>
      <SlotStrip members={slots} shown={sample.id} onShow={show} />
      </div>
    </Page>
  )
}

function Facts({ sample, history, schemas }: { sample: Sample; history: Annotation[]; schemas: Schema[] }) {
  const { workspace } = useParams({ from: '/w/$workspace' })
  const facts: [string, string][] = [
    ['Size', `${count(sample.width)} × ${count(sample.height)} px`],
    ['File', `${sample.format}, ${bytes(sample.size_bytes)}`],
    ['Source', sample.source || '–'],
    ['Captured', moment(sample.captured_at)],
    ['Came in', moment(sample.ingested_at)],
    ['Brightness', decimal(sample.brightness, 2)],
    ['Contrast', decimal(sample.contrast, 2)],
    ['Sharpness', decimal(sample.blur, 1)],
    ...Object.entries(sample.metadata ?? {}).map(([name, value]): [string, string] => [name, typeof value === 'object' ? JSON.stringify(value) : String(value)]),
  ]
  return (
    <div tabIndex={0} role="region" aria-label="About this sample" className="min-h-0 shrink grow-[2] basis-0 overflow-y-auto border-t border-line max-md:basis-auto">
      <section aria-label="Facts" className="border-b border-line p-3">
        <dl className="num grid grid-cols-[96px_minmax(0,1fr)] gap-y-1 text-xs">
          {facts.map(([name, value]) => (
            <div key={name} className="contents">
              <dt className="truncate text-ink-2">{name}</dt>
              <dd className="truncate" title={value}>
                {value}
              </dd>
            </div>
          ))}
        </dl>
      </section>
      <section aria-label="Labels over time" className="flex flex-col gap-1 border-b border-line p-3">
        <h2 className="text-xs font-semibold">Labels over time</h2>
        {!history.length && <p className="text-xs text-ink-3">Nobody has labelled it yet.</p>}
        {[...history].reverse().slice(0, 50).map((one) => (
          <History key={`${one.id} ${one.revision}`} one={one} schema={schemas.find((it) => it.id === one.schema)?.name ?? ''} />
        ))}
      </section>
      <Stands id={sample.id} workspace={workspace} />
    </div>
  )
}

function History({ one, schema }: { one: Annotation; schema: string }) {
  const machine = one.author_kind === 'model' || one.author_kind === 'rule' || one.basis === 'accepted_by_rule'
  return (
    <div className="num flex h-6 items-center gap-2 text-xs" title={`${moment(one.made_at)}, ${one.author}${schema && `, ${schema}`}`}>
      <span className="w-6 text-right text-ink-3">{one.revision}</span>
      <Tag tone={machine ? 'machine' : 'plain'}>{one.label || 'taken back'}</Tag>
      <span className="truncate text-ink-2">{one.basis}</span>
      <span className="ml-auto text-ink-3">{initials(one.author)}</span>
    </div>
  )
}

/** What stands on the sample: models that learned from it, versions that hold it, predictions made of it. */
function Stands({ id, workspace }: { id: string; workspace: string }) {
  const lineage = useQuery(fetched<Lineage>(['lineage', id], `/lineage/${id}`))
  const after = lineage.data?.downstream
  if (!after) return null
  const models = after.model_versions ?? []
  const versions = after.dataset_versions ?? []
  const made = after.predictions?.count ?? 0
  return (
    <section aria-label="Lineage" className="num flex flex-col gap-1 p-3 text-xs">
      <h2 className="text-xs font-semibold">What stands on it</h2>
      {!models.length && !versions.length && !made && <p className="text-ink-3">Nothing yet.</p>}
      {versions.map((one) => (
        <Link key={one.id} to="/w/$workspace/datasets/$dataset" params={{ workspace, dataset: one.dataset ?? one.name ?? '' }} search={{ v: String(one.number ?? '') }} className="flex h-6 items-center gap-2 hover:underline">
          <span className="text-ink-2">in dataset</span>
          <span className="ml-auto truncate text-sel">
            {one.dataset ?? one.name} v{one.number}
          </span>
        </Link>
      ))}
      {models.map((one) => (
        <Link key={one.id} to="/w/$workspace/models/$model" params={{ workspace, model: one.model }} search={{ v: String(one.number) }} className="flex h-6 items-center gap-2 hover:underline">
          <span className="text-ink-2">taught</span>
          <span className="ml-auto truncate text-sel">
            {one.model} v{one.number}
          </span>
        </Link>
      ))}
      {made > 0 && (
        <Link to="/w/$workspace/deployments" params={{ workspace }} className="flex h-6 items-center gap-2 hover:underline">
          <span className="text-ink-2">predictions traced to it</span>
          <span className="ml-auto text-sel">{count(made)}</span>
        </Link>
      )}
    </section>
  )
}
