import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { Camera as Lens } from 'lucide-react'
import { useCallback, useEffect, useState } from 'react'
import { api, asked, request } from '@/api/client'
import { useEvents, type LoopEvent } from '@/api/events'
import type { components } from '@/api/schema.gen'
import { writeFilters } from '@/media/links'
import { undo } from '@/shell/undo'
import { Button } from '@/ui/button'
import { cx } from '@/ui/classes'
import { ago, count, decimal, moment, span } from '@/ui/format'
import { Dot, Tag } from '@/ui/marks'
import { Section } from '@/ui/page'
import { Failed } from '@/ui/states'

type Camera = components['schemas']['CameraState']

const GRID = 'grid grid-cols-[56px_minmax(120px,1.4fr)_minmax(130px,1.4fr)_56px_64px_64px_72px_64px_minmax(96px,1fr)_120px] min-w-[980px] items-center gap-3 px-2'
const HEADS = ['', 'Camera', 'State', 'fps', 'Sent', 'Waits', 'Dropped', 'Lag', 'Newest says', '']

/** The cameras with what each gives now: a row each, renewed every second while one is wanted; nothing where there is none. */
export function Cameras({ workspace }: { workspace: string }) {
  const cache = useQueryClient()
  const cameras = useQuery({
    ...asked(['cameras'], () => api.GET('/api/v1/cameras')),
    refetchInterval: (query) => ((query.state.data as { items: Camera[] } | undefined)?.items.some((one) => one.wanted) ? 1000 : false),
  })
  useEvents(
    useCallback((event: LoopEvent) => void (event.type.startsWith('sightloop.camera.') && event.type !== 'sightloop.camera.kept' && cache.invalidateQueries({ queryKey: [workspace, 'cameras'] })), [cache, workspace]),
  )
  const items = cameras.data?.items ?? []
  if (cameras.isError && !items.length) return <Failed what="The cameras" error={cameras.error} retry={() => void cameras.refetch()} />
  if (!items.length) return null
  return (
    <Section title="Cameras">
      <div role="table" aria-label="Cameras" className="overflow-x-auto" tabIndex={0}>
        <div role="row" className={cx(GRID, 'h-8 border-b border-line text-xs text-ink-2')}>
          {HEADS.map((head, at) => (
            <span key={at} role="columnheader" className={cx('truncate', at >= 3 && at <= 7 && 'text-right')}>
              {head || <span className="sr-only">{at ? 'Verbs' : 'Newest frame'}</span>}
            </span>
          ))}
        </div>
        {items.map((one) => (
          <Line key={one.id} camera={one} workspace={workspace} />
        ))}
      </div>
    </Section>
  )
}

function Line({ camera, workspace }: { camera: Camera; workspace: string }) {
  const cache = useQueryClient()
  const { counts, settings } = camera
  const turn = useMutation({
    mutationFn: () => {
      const params = { params: { path: { name: camera.name } } }
      return camera.wanted ? api.POST('/api/v1/cameras/{name}/stop', params) : api.POST('/api/v1/cameras/{name}/start', params)
    },
    onSuccess: () => {
      void cache.invalidateQueries({ queryKey: [workspace, 'cameras'] })
      const name = camera.name
      const back = camera.wanted ? ('/api/v1/cameras/{name}/start' as const) : ('/api/v1/cameras/{name}/stop' as const)
      undo.done({
        label: `${name} ${camera.wanted ? 'stands still' : 'runs'}`,
        undo: async () => {
          await api.POST(back, { params: { path: { name } } })
          void cache.invalidateQueries({ queryKey: [workspace, 'cameras'] })
        },
      })
    },
  })
  const lost = counts.lost + counts.failed
  const why = [`${count(counts.dropped)} dropped by the policy "${settings.drop}"`, `${count(counts.ended)} waited when it was stopped`, `${count(counts.failed)} refused`, `${count(counts.lost)} lost with the process`].join(', ')
  return (
    <div role="row" className={cx(GRID, 'h-12 border-b border-line')}>
      <span role="cell">
        <Newest name={camera.name} at={camera.newest_at ?? null} />
      </span>
      <span role="cell" className="min-w-0">
        <span className="block truncate font-medium">{camera.name}</span>
        <span className="block truncate text-2xs text-ink-3" title={camera.url}>
          {settings.deployment ? (
            <Link to="/w/$workspace/deployments/$deployment" params={{ workspace, deployment: settings.deployment }} className="hover:underline">
              to {settings.deployment}, every {span(settings.every_s)}
            </Link>
          ) : (
            `kept, every ${span(settings.every_s)}`
          )}
        </span>
      </span>
      <span role="cell" className="min-w-0" title={`since ${moment(camera.since)}${camera.detail ? `: ${camera.detail}` : ''}`}>
        <span className="flex items-center gap-1.5">
          {camera.state === 'reconnecting' && <Dot tone="crit" label="Lost" />}
          {camera.state === 'reconnecting' ? `lost ${ago(camera.since)}` : camera.state}
        </span>
        <span className="block truncate text-2xs text-ink-3">{camera.detail}</span>
      </span>
      <span role="cell" className="num text-right">{camera.state === 'running' ? decimal(camera.fps, 1) : '–'}</span>
      <span role="cell" className="num text-right">{count(counts.sent)}</span>
      <span role="cell" className="num text-right">{count(camera.waiting)}</span>
      <span role="cell" className={cx('num text-right', lost > 0 && 'text-warn')} title={why}>
        {count(counts.dropped + lost)}
      </span>
      <span role="cell" className="num text-right">{camera.state === 'running' && camera.lag_s ? span(camera.lag_s) : '–'}</span>
      <span role="cell" className="min-w-0 truncate">
        {camera.label ? (
          <Tag tone="machine" title={`${camera.latency_ms.toFixed(0)} ms to the answer`}>
            {camera.label} {decimal(camera.score, 2)}
          </Tag>
        ) : (
          <Link to="/w/$workspace/datasets" params={{ workspace }} search={{ f: writeFilters({ source: [camera.name] }) }} className="num text-sel hover:underline">
            {count(counts.kept)} kept
          </Link>
        )}
      </span>
      <span role="cell" className="text-right">
        <Button small needs="ingest" busy={turn.isPending} onClick={() => turn.mutate()}>
          {camera.wanted ? 'Stop' : 'Start'}
        </Button>
      </span>
    </div>
  )
}

/** The newest sampled frame, in the memory of this page only. */
function Newest({ name, at }: { name: string; at: string | null }) {
  const [url, setUrl] = useState('')
  useEffect(() => {
    if (!at) return
    const control = new AbortController()
    void request(`/api/v1/cameras/${encodeURIComponent(name)}/frame`, { signal: control.signal })
      .then((answer) => answer.blob())
      .then((blob) => setUrl(URL.createObjectURL(blob)))
      .catch(() => undefined)
    return () => control.abort()
  }, [name, at])
  useEffect(() => () => void (url && URL.revokeObjectURL(url)), [url])
  if (!url) return <Lens size={18} className="mx-auto text-ink-3" aria-label="No frame yet" />
  return <img src={url} alt={`Newest frame of ${name}`} className="h-10 w-14 rounded-sm object-cover" />
}
