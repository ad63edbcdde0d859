import { useQuery, useQueryClient } from '@tanstack/react-query'
import { Link, useParams } from '@tanstack/react-router'
import { CheckCheck, Undo2 } from 'lucide-react'
import { useCallback, useEffect, useMemo, useState, useSyncExternalStore } from 'react'
import { Document } from '@/canvas/document'
import type { Engine } from '@/canvas/engine'
import { journal } from '@/canvas/keeping'
import { bindKeys, type Bindings } from '@/shell/keys'
import { useRight } from '@/shell/session'
import { undo } from '@/shell/undo'
import { Button } from '@/ui/button'
import { cx } from '@/ui/classes'
import { count, percent } from '@/ui/format'
import { Swatch, Tag } from '@/ui/marks'
import { Page } from '@/ui/page'
import { Empty, Failed, Loaded, Progress } from '@/ui/states'
import { WHY } from './asking'
import { useBeside } from './beside'
import { CampaignFigures } from './campaign-figures'
import { colourOf, digitOf, fetched, posted, sampleQuery, schemaQuery, type Campaign, type Counts, type Item, type Schema } from './data'
import { Line } from './line'
import { picture, prefetch } from './pictures'
import { Stage, useViewKeys } from './stage'

/** How many pictures are fetched before they are asked about: a fast hand takes several while the server is busy. */
const AHEAD = 6

/** One image, one key: the questions of a certified campaign. */
export function CampaignScreen({ id }: { id: string }) {
  const campaign = useQuery(fetched<Campaign>(['campaigns', id], `/campaigns/${id}`))
  const schema = useQuery(schemaQuery(campaign.data?.schema ?? ''))
  return (
    <Loaded query={campaign} what="This campaign">
      {(found) => <Loaded query={schema} what="The campaign's classes">{(classes) => <Asking campaign={found} schema={classes} key={found.id} />}</Loaded>}
    </Loaded>
  )
}

function Asking({ campaign, schema }: { campaign: Campaign; schema: Schema }) {
  const { workspace } = useParams({ from: '/w/$workspace' })
  const cache = useQueryClient()
  const may = useRight('label')
  const [engine, setEngine] = useState<Engine | null>(null)
  const [problem, setProblem] = useState<unknown>(null)
  const counts = useQuery(fetched<Counts>(['campaigns', campaign.id, 'counts'], `/campaigns/${campaign.id}/counts`))
  const line = useMemo(() => {
    const next = async (of: string): Promise<Item | null> => (await posted<{ item: Item | null }>('/queue/next', { campaign: of })).item
    const open = async (): Promise<Item[]> => (await cache.fetchQuery({ ...fetched<{ items: Item[] }>(['campaigns', campaign.id, 'open'], `/campaigns/${campaign.id}/items?state=open`), staleTime: 0 })).items
    return new Line(workspace, campaign.id, journal, { next, open }, (one) => undo.done(one, true))
  }, [workspace, campaign.id, cache])
  const state = useSyncExternalStore(line.subscribe, line.snapshot)
  const { item, upcoming } = state
  const asking = may.held && campaign.state === 'asking'

  useEffect(() => {
    let timer = 0
    line.onCounts = () => {
      clearTimeout(timer)
      timer = window.setTimeout(() => void cache.invalidateQueries({ queryKey: [workspace, 'campaigns', campaign.id] }), 400)
    }
    if (asking) void line.fetch()
    return () => (line.end(), clearTimeout(timer))
  }, [line, asking, cache, workspace, campaign.id])

  useEffect(() => {
    if (!item || !engine) return
    let stale = false
    setProblem(null)
    picture(item.sample).then(
      ({ image, width, height }) => {
        if (stale) return
        engine.editable = false
        engine.show(image, new Document(item.sample, width, height))
        line.shown()
      },
      (error: unknown) => {
        if (stale) return
        setProblem(error)
        line.shown()
      },
    )
    prefetch(upcoming.slice(0, AHEAD).map((one) => one.sample))
    return () => void (stale = true)
  }, [item, engine, line, upcoming])

  const beside = useBeside(item?.sample ?? '')
  const choose = useCallback((label: string) => line.answer(line.state.item?.suggestion === label ? 'accept' : 'fix', label), [line])
  useViewKeys(engine)
  useEffect(() => {
    const there = (): boolean => line.state.item !== null
    const accept = { label: 'Accept the suggestion', group: 'Answer', run: () => line.answer('accept'), enabled: () => !!line.state.item?.suggestion }
    const digits = Object.fromEntries(schema.classes.slice(0, 10).map((label, index) => [digitOf(index), { label, group: 'Class', run: () => choose(label), enabled: there }]))
    const keys: Bindings = {
      ...digits,
      a: accept,
      Enter: { ...accept, hidden: true },
      x: { label: 'Reject: no class is right', group: 'Answer', run: () => line.answer('reject'), enabled: there },
      k: { label: 'Skip', group: 'Answer', run: () => line.answer('skip'), enabled: there },
    }
    return bindKeys(keys)
  }, [line, schema, choose])

  const left = counts.data ? Math.max(counts.data.open, item ? 1 : 0) : null
  const title = (
    <>
      <Link to="/w/$workspace/review" params={{ workspace }} className="text-ink-2 underline decoration-line-strong underline-offset-2 hover:text-ink">
        Review
      </Link>
      <span className="mx-1.5 text-ink-3">/</span>
      {campaign.name}
    </>
  )
  return (
    <Page
      title={title}
      sub={item && <SampleName id={item.sample} />}
      actions={
        <>
          {left !== null && asking && <span className="num text-ink-2">{count(left)} asked now</span>}
          <Button look="quiet" icon={<Undo2 size={14} />} keys="Ctrl Z" needs="label" disabled={!state.given.length} onClick={() => void undo.last()}>
            Undo
          </Button>
        </>
      }
    >
      <div className="grid h-full grid-cols-[minmax(0,1fr)_288px] max-md:grid-cols-1 max-md:grid-rows-[minmax(220px,1fr)_auto] max-md:overflow-y-auto">
        <div className="flex min-h-0 flex-col">
        <div className="relative min-h-0 grow">
          <Progress busy={state.waiting && asking} />
          <Stage onEngine={setEngine} label="The image that is asked about" className={cx(!item && 'invisible')} />
          {problem !== null && item && (
            <div className="absolute inset-x-0 top-0">
              <Failed what="The image" error={problem} />
            </div>
          )}
          {!item && <div className="absolute inset-0">{state.error ? <Failed what="The next question" error={state.error} retry={() => void line.fetch()} /> : !state.waiting || !asking ? <Over campaign={campaign} may={may.held} role={may.role} /> : null}</div>}
          {item && beside.over}
        </div>
        {beside.strip}
        </div>
        <aside aria-label="Answer" tabIndex={0} className="flex min-h-0 flex-col overflow-y-auto border-l border-line">
          {item && <Question item={item} schema={schema} choose={choose} line={line} />}
          <CampaignFigures campaign={campaign} counts={counts.data} given={state.given} />
        </aside>
      </div>
    </Page>
  )
}

function Question({ item, schema, choose, line }: { item: Item; schema: Schema; choose: (label: string) => void; line: Line }) {
  const why = WHY[item.purpose]
  return (
    <section aria-label="Question" className="flex flex-col gap-3 border-b border-line p-3">
      <div className="flex items-start gap-2">
        <span className="shrink-0">
          <Tag>{why.name}</Tag>
        </span>
        <p className="text-xs text-ink-2">{why.text}</p>
      </div>
      <div className="flex flex-col gap-px" role="group" aria-label="Classes">
        {schema.classes.map((label, index) => {
          const meant = !item.blind && item.suggestion === label
          return (
            <button
              key={label}
              type="button"
              onClick={() => choose(label)}
              className={cx('flex h-7 items-center gap-2 rounded-md border border-transparent px-1.5 text-left hover:bg-raised', meant && 'border-dashed !border-machine')}
            >
              <kbd className={cx(!digitOf(index) && 'invisible')}>{digitOf(index) || '0'}</kbd>
              <Swatch colour={colourOf(schema, label)} />
              <span className="truncate">{label}</span>
              {meant && <span className="num ml-auto text-xs text-machine">suggested {percent(item.score, 0)}</span>}
            </button>
          )
        })}
      </div>
      <div className="flex gap-2">
        {item.suggestion && (
          <Button look="primary" keys="A" onClick={() => line.answer('accept')}>
            Accept
          </Button>
        )}
        <Button keys="X" onClick={() => line.answer('reject')} tip="No class is right for this image">
          Reject
        </Button>
        <Button keys="K" onClick={() => line.answer('skip')}>
          Skip
        </Button>
      </div>
    </section>
  )
}

/** The sample's file name as a link to its own page. */
export function SampleName({ id }: { id: string }) {
  const { workspace } = useParams({ from: '/w/$workspace' })
  const sample = useQuery({ ...sampleQuery(id), placeholderData: undefined })
  return (
    <Link to="/w/$workspace/s/$sample" params={{ workspace, sample: id }} className="mono truncate text-ink-3 hover:text-ink">
      {sample.data?.name || id}
    </Link>
  )
}

function Over({ campaign, may, role }: { campaign: Campaign; may: boolean; role: string }) {
  const { workspace } = useParams({ from: '/w/$workspace' })
  const done = campaign.state === 'done'
  return (
    <Empty
      icon={<CheckCheck />}
      title={done ? 'Every sample of this campaign is labelled' : may ? 'Nothing waits for you here' : `Answering needs the role ${role}`}
      actions={
        <>
          <Link to="/w/$workspace/datasets" params={{ workspace }}>
            <Button look="primary">See the samples</Button>
          </Link>
          <Link to="/w/$workspace/review" params={{ workspace }}>
            <Button>All queues</Button>
          </Link>
        </>
      }
    >
      {done ? 'What people answered and what the rule accepted is in the figures beside; the receipts hold the evidence.' : may ? 'What is open is kept for somebody else for ten minutes, or the campaign is choosing.' : 'You can read the figures.'}
    </Empty>
  )
}
