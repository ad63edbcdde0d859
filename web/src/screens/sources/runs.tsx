import { useQuery, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useCallback, useEffect, useState } from 'react'
import { api, asked } from '@/api/client'
import { useEvents, type LoopEvent } from '@/api/events'
import { Button } from '@/ui/button'
import { cx } from '@/ui/classes'
import { ago, bytes, count, moment, span } from '@/ui/format'
import { Dot } from '@/ui/marks'
import { Section } from '@/ui/page'
import { Loaded } from '@/ui/states'
import { forgetUpload, stopUpload, useUpload } from './upload'

type Run = {
  id: string
  state: string
  params: { source?: { kind?: string; name?: string; path?: string; files?: unknown[]; upload?: string } }
  started_at: string | null
  ended_at: string | null
  progress: { done: number; total: number; note: string }
  output: { found?: number; ingested?: number; known?: number; quarantined?: number; seconds?: number }
  error: { message?: string; hint?: string }
}

const ENDED = new Set(['succeeded', 'failed', 'cancelled'])
const GRID = 'grid grid-cols-[minmax(140px,1.6fr)_minmax(140px,1.4fr)_72px_72px_72px_88px_88px_96px] min-w-[840px] items-center gap-4 px-2'

/** Only the last part of a path: the rest is nobody's business on a shared screen. */
function named({ source }: Run['params']): string {
  if (!source) return 'ingest'
  if (source.name) return source.name
  if (source.path) return source.path.split('/').filter(Boolean).at(-1) ?? source.kind ?? 'folder'
  return source.kind === 'quarantine' ? 'quarantine, tried again' : source.files ? `${count(source.files.length)} uploaded files` : (source.kind ?? 'ingest')
}

/** The runs that made samples, those at work with their progress. */
export function Runs({ workspace, current }: { workspace: string; current: string | undefined }) {
  const cache = useQueryClient()
  const runs = useQuery({
    ...asked(['runs', 'ingest'], () => api.GET('/api/v1/runs', { params: { query: { kind: 'ingest' } } as never }) as unknown as Promise<{ data?: { items: Run[] } }>),
    refetchInterval: (query) => ((query.state.data as { items: Run[] } | undefined)?.items.some((one) => !ENDED.has(one.state)) ? 1000 : false),
  })
  useEvents(
    useCallback(
      (event: LoopEvent) => {
        if (/run|ingest|sample/.test(event.type)) void cache.invalidateQueries({ queryKey: [workspace, 'runs', 'ingest'] })
      },
      [cache, workspace],
    ),
  )
  return (
    <Section title="Ingest runs">
      <Loaded query={runs} what="The ingest runs">
        {({ items }) =>
          items.length ? (
            <div role="table" aria-label="Ingest runs">
              <div role="row" className={cx(GRID, 'h-8 border-b border-line text-xs text-ink-2')}>
                {['What', 'State', 'New', 'Known', 'Turned away', 'Rate', 'Took', 'Began'].map((head, at) => (
                  <span key={head} role="columnheader" className={cx('truncate', at >= 2 && 'text-right')}>
                    {head}
                  </span>
                ))}
              </div>
              {items.map((one) => (
                <Line key={one.id} run={one} workspace={workspace} current={one.id === current} />
              ))}
            </div>
          ) : (
            <p className="text-ink-2">No ingest has run yet.</p>
          )
        }
      </Loaded>
    </Section>
  )
}

function Line({ run, workspace, current }: { run: Run; workspace: string; current: boolean }) {
  const { done, total } = run.progress
  const going = !ENDED.has(run.state)
  const seconds = run.output.seconds ?? (run.started_at ? ((run.ended_at ? Date.parse(run.ended_at) : Date.now()) - Date.parse(run.started_at)) / 1000 : 0)
  const rate = seconds > 0 ? (run.output.found ?? done) / seconds : 0
  return (
    <div role="row" className={cx(GRID, 'h-8 border-b border-line', current && 'bg-sel-bg')}>
      <span role="cell" className="truncate">
        <Link to="/w/$workspace/runs/$run" params={{ workspace, run: run.id }} className="font-medium hover:underline" title={named(run.params)}>
          {named(run.params)}
        </Link>
      </span>
      <span role="cell" className="flex min-w-0 items-center gap-2">
        {going ? (
          <>
            <span role="progressbar" aria-label="Progress" aria-valuemin={0} aria-valuemax={total || 1} aria-valuenow={done} className="h-1 w-20 shrink-0 overflow-hidden rounded-full bg-line-strong">
              <span className="block h-full bg-ink-2" style={{ width: `${total ? (100 * done) / total : 0}%` }} />
            </span>
            <span className="num truncate text-xs text-ink-2">{total ? `${count(done)} of ${count(total)}` : run.state}</span>
          </>
        ) : run.state === 'failed' ? (
          <>
            <Dot tone="crit" label="failed" />
            <span className="truncate" title={run.error.hint}>
              {run.error.message ?? 'failed'}
            </span>
          </>
        ) : (
          <span className="text-ink-2">{run.state === 'succeeded' ? 'done' : run.state}</span>
        )}
      </span>
      <span role="cell" className="num text-right">
        {count(run.output.ingested)}
      </span>
      <span role="cell" className="num text-right">
        {count(run.output.known)}
      </span>
      <span role="cell" className="num text-right">
        {run.output.quarantined ? (
          <Link to="/w/$workspace/sources" params={{ workspace }} search={{ tab: 'quarantine' }} className="text-warn hover:underline">
            {count(run.output.quarantined)}
          </Link>
        ) : (
          count(run.output.quarantined)
        )}
      </span>
      <span role="cell" className="num text-right">
        {rate ? `${rate >= 10 ? Math.round(rate) : rate.toFixed(1)} /s` : '–'}
      </span>
      <span role="cell" className="num text-right">
        {seconds ? span(seconds) : '–'}
      </span>
      <span role="cell" className="num truncate text-right" title={moment(run.started_at)}>
        {ago(run.started_at)}
      </span>
    </div>
  )
}

/** The files on their way from this machine. */
export function Sending({ workspace }: { workspace: string }) {
  const upload = useUpload()
  const [, tick] = useState(0)
  useEffect(() => {
    const timer = setInterval(() => tick((n) => n + 1), 1000)
    return () => clearInterval(timer)
  }, [])
  if (!upload) return null
  const seconds = Math.max(0.5, (Date.now() - upload.startedAt) / 1000)
  const going = upload.state === 'sending' || upload.state === 'starting'
  return (
    <section aria-label="Upload" className="flex flex-col gap-2 border-b border-line pb-4">
      <div className="flex h-7 items-center gap-3">
        <h2 className="text-sm font-semibold">{going ? 'Sending' : upload.state === 'done' ? 'Sent' : upload.state === 'stopped' ? 'Stopped' : 'Not sent'}</h2>
        <span className="num text-xs text-ink-2" aria-live="polite">
          {count(upload.sent)} of {count(upload.files)} files, {bytes(upload.sentBytes)} of {bytes(upload.bytes)}
          {upload.state === 'sending' && `, ${bytes(upload.sentBytes / seconds)}/s, ${(upload.sent / seconds).toFixed(1)} files/s`}
        </span>
        <span className="grow" />
        {upload.run && (
          <Link to="/w/$workspace/runs/$run" params={{ workspace, run: upload.run }} className="text-xs text-sel hover:underline">
            Its run
          </Link>
        )}
        <Button small onClick={going ? stopUpload : forgetUpload}>
          {going ? 'Stop' : 'Dismiss'}
        </Button>
      </div>
      <span role="progressbar" aria-label="Upload" aria-valuemin={0} aria-valuemax={upload.files} aria-valuenow={upload.sent} className="h-1 overflow-hidden rounded-full bg-line-strong">
        <span className="block h-full bg-ink-2" style={{ width: `${(100 * upload.sent) / upload.files}%` }} />
      </span>
      {upload.failed.length > 0 && (
        <ul className="max-h-40 overflow-y-auto text-xs" tabIndex={0} aria-label="Files that were not sent">
          {upload.failed.slice(0, 200).map((one) => (
            <li key={one.name} className="flex h-6 items-center gap-2">
              <Dot tone="crit" label="failed" /> <span className="truncate">{one.name}</span> <span className="truncate text-ink-2">{one.why}</span>
            </li>
          ))}
        </ul>
      )}
    </section>
  )
}
