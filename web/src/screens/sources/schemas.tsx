import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { api, asked } from '@/api/client'
import { Problem } from '@/api/problem'
import type { components } from '@/api/schema.gen'
import { writeFilters } from '@/media/links'
import { undo } from '@/shell/undo'
import { Button } from '@/ui/button'
import { cx } from '@/ui/classes'
import { ago, count, moment, percent } from '@/ui/format'
import { Dot } from '@/ui/marks'
import { Section } from '@/ui/page'
import { Failed } from '@/ui/states'
import { rangeOf, typesOf } from './fields'

type Schema = components['schemas']['SourceSchema']

const GRID = 'grid grid-cols-[minmax(110px,1fr)_88px_72px_minmax(200px,3fr)_88px_160px] min-w-[760px] items-center gap-4 px-2'
const FIELDS = 'grid grid-cols-[minmax(120px,1fr)_96px_88px_minmax(200px,3fr)] min-w-[560px] items-center gap-4 px-2'

/** What each source's samples hold, and what has changed in it; nothing before a source with a name brought some. */
export function Schemas({ workspace }: { workspace: string }) {
  const schemas = useQuery({ ...asked(['source-schemas'], () => api.GET('/api/v1/source-schemas')), refetchInterval: 15_000 })
  const items = schemas.data?.items ?? []
  if (schemas.isError && !items.length) return <Failed what="The fields of the sources" error={schemas.error} retry={() => void schemas.refetch()} />
  if (!items.length) return null
  return (
    <Section title="Fields">
      <div role="table" aria-label="Fields of the sources" className="overflow-x-auto" tabIndex={0}>
        <div role="row" className={cx(GRID, 'h-8 border-b border-line text-xs text-ink-2')}>
          {['Source', 'Samples', 'Fields', 'What has changed', 'When'].map((head, at) => (
            <span key={head} role="columnheader" className={cx('truncate', (at === 1 || at === 2) && 'text-right')}>
              {head}
            </span>
          ))}
          <span role="columnheader" className="sr-only">
            Actions
          </span>
        </div>
        {items.map((one) => (
          <Line key={one.source} schema={one} workspace={workspace} />
        ))}
      </div>
    </Section>
  )
}

function Line({ schema, workspace }: { schema: Schema; workspace: string }) {
  const cache = useQueryClient()
  const [open, setOpen] = useState(false)
  const findings = schema.accepted_at ? [] : schema.findings
  const accept = useMutation({
    mutationFn: () => api.POST('/api/v1/sources/{name}/schema/accept', { params: { path: { name: schema.source } } }),
    onSuccess: () => void cache.invalidateQueries(),
    onError: (error) => undo.say(error instanceof Problem ? `${error.message} ${error.hint}` : 'That did not work'),
  })
  return (
    <>
      <div role="row" className={cx(GRID, 'min-h-8 border-b border-line py-1')}>
        <span role="cell" className="truncate font-medium">
          {schema.source}
        </span>
        <span role="cell" className="text-right">
          <Link to="/w/$workspace/datasets" params={{ workspace }} search={{ f: writeFilters({ source: [schema.source] }) }} className="num text-sel hover:underline">
            {count(schema.samples)}
          </Link>
        </span>
        <span role="cell" className="num text-right">
          {count(Object.keys(schema.fields).length)}
        </span>
        <span role="cell" className="min-w-0">
          {findings.length ? (
            <ul className="flex flex-col">
              {findings.map((one) => (
                <li key={one.field + one.kind} className="flex min-h-6 items-center gap-2" title={one.p_value == null ? undefined : `Fisher's exact test, one-sided: p = ${one.p_value.toPrecision(2)}`}>
                  <Dot tone="warn" label={one.kind} />
                  <span className="min-w-0 break-words">{one.says}</span>
                </li>
              ))}
            </ul>
          ) : (
            <span className="text-ink-2">{schema.number === 1 ? 'Nothing to compare with yet' : schema.findings.length ? `Accepted ${ago(schema.accepted_at)}` : 'Nothing'}</span>
          )}
        </span>
        <span role="cell" className="num truncate" title={moment(schema.made_at)}>
          {ago(schema.made_at)}
        </span>
        <span role="cell" className="flex justify-end gap-2">
          {findings.length > 0 && (
            <Button small needs="ingest" busy={accept.isPending} onClick={() => accept.mutate()} aria-label={`Accept what has changed in ${schema.source}`}>
              Accept
            </Button>
          )}
          <Button small look="quiet" aria-expanded={open} onClick={() => setOpen(!open)} aria-label={`${open ? 'Hide' : 'Show'} the fields of ${schema.source}`}>
            {open ? 'Hide' : 'Show'}
          </Button>
        </span>
      </div>
      {open && <Fields schema={schema} />}
    </>
  )
}

function Fields({ schema }: { schema: Schema }) {
  const named = Object.entries(schema.fields).sort(([a], [b]) => a.localeCompare(b))
  return (
    <div role="row" className="border-b border-line bg-raised/40 py-2 pl-6">
      <div role="cell">
        <div aria-hidden className={cx(FIELDS, 'h-7 text-xs text-ink-2')}>
          <span>Field</span>
          <span>Type</span>
          <span className="text-right">Missing</span>
          <span>Range, or most frequent</span>
        </div>
        <ul aria-label={`Fields of ${schema.source}`}>
          {named.map(([name, field]) => (
            <li key={name} className={cx(FIELDS, 'min-h-7')}>
              <span className="mono truncate">{name}</span>
              <span className="truncate">{typesOf(field)}</span>
              <span className="num text-right">{percent(Number(field['missing'] ?? 0))}</span>
              <span className="num min-w-0 break-words text-ink-2">{rangeOf(field)}</span>
            </li>
          ))}
        </ul>
      </div>
    </div>
  )
}
