import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { api, asked } from '@/api/client'
import { Problem } from '@/api/problem'
import type { components } from '@/api/schema.gen'
import { undo } from '@/shell/undo'
import { Button } from '@/ui/button'
import { cx } from '@/ui/classes'
import { Confirm } from '@/ui/dialog'
import { ago, count, moment, span } from '@/ui/format'
import { Dot } from '@/ui/marks'
import { Section } from '@/ui/page'
import { Failed } from '@/ui/states'
import { brought } from './draft'

type Source = components['schemas']['StandingSource']

const GRID = 'grid grid-cols-[minmax(110px,1fr)_minmax(140px,1.6fr)_112px_minmax(150px,1.6fr)_88px_148px] min-w-[840px] items-center gap-4 px-2'
const ENDED = new Set(['', 'succeeded', 'failed', 'cancelled'])

/** The sources that stand, each with what its newest look brought; nothing where there are none. */
export function Standing({ workspace }: { workspace: string }) {
  const sources = useQuery({
    ...asked(['sources'], () => api.GET('/api/v1/sources')),
    refetchInterval: (query) => (query.state.data?.items.some((one) => !ENDED.has(one.state) || one.waiting) ? 1000 : 15_000),
  })
  const items = sources.data?.items ?? []
  if (sources.isError && !items.length) return <Failed what="The connected sources" error={sources.error} retry={() => void sources.refetch()} />
  if (!items.length) return null
  return (
    <Section title="Connected">
      <div role="table" aria-label="Connected sources">
        <div role="row" className={cx(GRID, 'h-8 border-b border-line text-xs text-ink-2')}>
          {['Source', 'Where', 'Looked at', 'The newest look', 'When'].map((head) => (
            <span key={head} role="columnheader" className="truncate">
              {head}
            </span>
          ))}
          <span role="columnheader" className="sr-only">
            Actions
          </span>
        </div>
        {items.map((one) => (
          <Line key={one.id} source={one} workspace={workspace} />
        ))}
      </div>
    </Section>
  )
}

function where({ kind, settings }: Source): string {
  const said = settings as { url?: string; path?: string }
  return said.url ?? said.path?.split('/').filter(Boolean).at(-1) ?? kind
}

function Line({ source, workspace }: { source: Source; workspace: string }) {
  const cache = useQueryClient()
  const navigate = useNavigate()
  const [removing, setRemoving] = useState(false)
  const path = { params: { path: { name: source.name } } }
  const told = (error: unknown) => undo.say(error instanceof Problem ? `${error.message} ${error.hint}` : 'That did not work')
  const sync = useMutation({
    mutationFn: () => api.POST('/api/v1/sources/{name}/sync', path),
    onSuccess: ({ data }) => {
      void cache.invalidateQueries()
      void navigate({ to: '/w/$workspace/sources', params: { workspace }, search: { run: data?.id } })
    },
    onError: told,
  })
  const remove = useMutation({ mutationFn: () => api.DELETE('/api/v1/sources/{name}', path), onSuccess: () => void cache.invalidateQueries(), onError: told, onSettled: () => setRemoving(false) })
  const going = !ENDED.has(source.state)
  const error = source.error as { message?: string; detail?: string; hint?: string }
  return (
    <div role="row" className={cx(GRID, 'h-8 border-b border-line')}>
      <span role="cell" className="truncate font-medium">
        {source.name}
      </span>
      <span role="cell" className="mono truncate" title={where(source)}>
        {where(source)}
      </span>
      <span role="cell" className="num truncate text-ink-2">
        {source.kind === 'push' ? 'when pushed' : source.every_s ? `every ${span(source.every_s)}` : 'when asked'}
      </span>
      <span role="cell" className="num flex min-w-0 items-center gap-2">
        {source.state === 'failed' ? (
          <>
            <Dot tone="crit" label="failed" />
            <span className="truncate" title={error.hint}>
              {error.detail ?? error.message ?? 'failed'}
            </span>
          </>
        ) : (
          <span className="truncate">{going ? 'looking' : source.waiting ? `${count(source.waiting)} wait` : source.last_run ? brought(source.output) : 'not yet'}</span>
        )}
      </span>
      <span role="cell" className="num truncate" title={moment(source.looked_at)}>
        {source.looked_at ? ago(source.looked_at) : '–'}
      </span>
      <span role="cell" className="flex justify-end gap-2">
        <Button small needs="ingest" busy={sync.isPending || going} disabled={source.kind === 'push'} onClick={() => sync.mutate()} aria-label={`Look now at ${source.name}`}>
          Look now
        </Button>
        <Button small look="quiet" needs="ingest" disabled={going} onClick={() => setRemoving(true)} aria-label={`Remove ${source.name}`}>
          Remove
        </Button>
      </span>
      <Confirm open={removing} onOpenChange={setRemoving} title={`Remove ${source.name}?`} action="Remove it" onConfirm={() => remove.mutate()} busy={remove.isPending}>
        Its samples stay. Media that lie in it can be read as long as they lie there.
      </Confirm>
    </div>
  )
}
