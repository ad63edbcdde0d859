import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useNavigate, useParams, useSearch } from '@tanstack/react-router'
import { Download, ScrollText, ShieldCheck, X } from 'lucide-react'
import { useCallback, useEffect, useMemo, useState } from 'react'
import { api, asked, BASE, request } from '@/api/client'
import type { components } from '@/api/schema.gen'
import { useEvents } from '@/api/events'
import { ThingLink } from '@/screens/runs/thing'
import { Wrong } from '@/screens/deployments/deploy'
import { bindKeys } from '@/shell/keys'
import { useRight } from '@/shell/session'
import { Button } from '@/ui/button'
import { Input } from '@/ui/field'
import { ago, count, moment } from '@/ui/format'
import { Page } from '@/ui/page'
import { Copyable, Empty, Failed, Progress } from '@/ui/states'
import { Table } from '@/ui/table'
import { Tree } from '@/ui/tree'

type Entry = components['schemas']['AuditEntry']
type Filter = { actor?: string; subject?: string; action?: string }
const FILTERS = ['actor', 'action', 'subject'] as const

/** Every change that was ever made, newest first, each bound to the one before it by its hash. */
export default function Audit() {
  const { workspace } = useParams({ from: '/w/$workspace/audit' })
  const filter = useSearch({ from: '/w/$workspace/audit' }) as Filter
  const navigate = useNavigate({ from: '/w/$workspace/audit' })
  const cache = useQueryClient()
  const right = useRight('audit.read')
  const [chosen, setChosen] = useState<Entry | null>(null)
  const entries = useInfiniteQuery({
    queryKey: [workspace, 'audit', filter.actor ?? '', filter.subject ?? '', filter.action ?? ''],
    enabled: right.held,
    initialPageParam: '',
    queryFn: async ({ pageParam, signal }) => {
      const query = new URLSearchParams({ order: 'newest', limit: '200', ...(pageParam ? { cursor: pageParam } : {}) })
      for (const name of FILTERS) if (filter[name]) query.set(name, filter[name])
      return (await (await request(`/api/v1/audit?${query}`, { signal })).json()) as { items: Entry[]; next_cursor: string }
    },
    getNextPageParam: (last) => last.next_cursor || undefined,
  })
  useEvents(useCallback(() => void cache.invalidateQueries({ queryKey: [workspace, 'audit'] }), [cache, workspace]))
  const rows = useMemo(() => entries.data?.pages.flatMap((page) => page.items) ?? [], [entries.data])
  const narrow = useCallback((to: Filter) => void navigate({ search: (old) => ({ ...old, ...to }), replace: true }), [navigate])
  const columns = useMemo(() => columnsOf(narrow), [narrow])
  useEffect(() => bindKeys({ Escape: { label: 'Close the entry', run: () => setChosen(null), enabled: () => chosen !== null } }), [chosen])
  const active = FILTERS.filter((name) => filter[name])
  return (
    <Page title="Audit" sub={<Chain />} actions={<Export />}>
      {!right.held ? (
        <Empty icon={<ScrollText />} title={`The audit needs the role ${right.role}`} />
      ) : (
        <div className="flex h-full flex-col">
          <form role="search" className="flex items-center gap-2 border-b border-line px-4 py-2" onSubmit={(event) => event.preventDefault()}>
            {FILTERS.map((name) => (
              <FilterBox key={name} name={name} value={filter[name] ?? ''} onChange={(value) => narrow({ [name]: value || undefined })} />
            ))}
            {active.length > 0 && <Button look="quiet" onClick={() => narrow({ actor: undefined, action: undefined, subject: undefined })}>Clear</Button>}
          </form>
          <div className="flex min-h-0 grow">
            <div className="relative min-w-0 grow">
              <Progress busy={entries.isFetching && !entries.data} />
              {entries.isError && !entries.data && <Failed what="The audit" error={entries.error} retry={() => void entries.refetch()} />}
              {entries.data && rows.length === 0 && (
                <Empty icon={<ScrollText />} title={active.length ? `No entry with ${active.map((name) => `${name} ${filter[name]}`).join(' and ')}` : 'Nothing has been changed yet'} actions={active.map((name) => <Button key={name} onClick={() => narrow({ [name]: undefined })}>Any {name}</Button>)} />
              )}
              {rows.length > 0 && <Table rows={rows} columns={columns} id={(entry) => String(entry.sequence)} label="Audit entries" onOpen={setChosen} current={chosen ? String(chosen.sequence) : undefined} onEnd={() => entries.hasNextPage && !entries.isFetching && void entries.fetchNextPage()} />}
            </div>
            {chosen && <One entry={chosen} onClose={() => setChosen(null)} />}
          </div>
        </div>
      )}
    </Page>
  )
}

function FilterBox({ name, value, onChange }: { name: string; value: string; onChange: (value: string) => void }) {
  const [text, setText] = useState(value)
  useEffect(() => setText(value), [value])
  return (
    <Input aria-label={`Filter by ${name}`} placeholder={name} value={text} {...(name === 'actor' ? { 'data-search': true } : {})} onChange={(event) => setText(event.target.value)} onBlur={() => text !== value && onChange(text.trim())} onKeyDown={(event) => event.key === 'Enter' && onChange(text.trim())} className="w-52" />
  )
}

const columnsOf = (narrow: (to: Filter) => void) => {
  const door = (name: keyof Filter, value: string) => (
    <button type="button" className="h-6 max-w-full truncate hover:underline" title={`Only ${value}`} onClick={(event) => (event.stopPropagation(), narrow({ [name]: value }))}>
      {value}
    </button>
  )
  return [
    { key: 'sequence', head: 'No.', right: true, width: '72px', cell: (entry: Entry) => <span className="text-ink-3">{count(entry.sequence)}</span> },
    { key: 'at', head: 'When', width: '120px', cell: (entry: Entry) => <span className="num" title={moment(entry.at)}>{ago(entry.at)}</span> },
    { key: 'actor', head: 'Actor', cell: (entry: Entry) => door('actor', entry.actor) },
    { key: 'role', head: 'Role', width: '88px', cell: (entry: Entry) => <span className="text-ink-2">{entry.role}</span> },
    { key: 'action', head: 'Action', cell: (entry: Entry) => <span className="font-medium">{door('action', entry.action)}</span> },
    { key: 'subject', head: 'Subject', width: 'minmax(0,1.4fr)', cell: (entry: Entry) => <span className="mono">{door('subject', entry.subject)}</span> },
    { key: 'hash', head: 'Hash', width: '110px', cell: (entry: Entry) => <span className="mono text-ink-3">{entry.hash.slice(0, 10)}</span> },
  ]
}

/** Whether every entry still follows from the one before it; computed again on the server. */
function Chain() {
  const verify = useMutation({ mutationFn: async () => (await api.POST('/api/v1/audit/verify')).data! })
  const found = verify.data
  return (
    <span className="flex items-center gap-2" role="status">
      <Button small needs="audit.read" icon={<ShieldCheck size={12} />} busy={verify.isPending} onClick={() => verify.mutate()}>Verify the chain</Button>
      {found && (found.ok ? <span className="num">whole, {count(found.entries)} entries, head <Copyable text={found.head} short={10} /></span> : <span className="text-crit">broken: {found.problems.join('; ')}</span>)}
      <Wrong error={verify.error} />
    </span>
  )
}

function Export() {
  const save = useMutation({
    mutationFn: async () => {
      const url = URL.createObjectURL(await (await request('/api/v1/audit/export')).blob())
      const link = Object.assign(document.createElement('a'), { href: url, download: `audit${BASE.replaceAll('/', '-')}-${new Date().toISOString().slice(0, 10)}.jsonl` })
      link.click()
      setTimeout(() => URL.revokeObjectURL(url), 10_000)
    },
  })
  return (
    <>
      <Wrong error={save.error} />
      <Button look="primary" needs="audit.read" icon={<Download size={13} />} busy={save.isPending} onClick={() => save.mutate()}>Export</Button>
    </>
  )
}

/** One entry with what it changed, as far as the subject is a thing that can still be asked. */
function One({ entry, onClose }: { entry: Entry; onClose: () => void }) {
  const receipts = useQuery(asked(['receipts-of', entry.subject], () => api.GET('/api/v1/receipts', { params: { query: { subject: entry.subject, limit: 10 } } })))
  const detail = Object.fromEntries(Object.entries(entry).filter(([name]) => !['workspace', 'sequence', 'at', 'actor', 'role', 'action', 'subject', 'events', 'previous_hash', 'hash', 'trace_id'].includes(name)))
  const near = (receipts.data?.items ?? []).filter((one) => Math.abs(Date.parse(one.made_at) - Date.parse(entry.at)) < 2000)
  return (
    <aside aria-label="Entry" className="flex w-[320px] shrink-0 flex-col gap-3 overflow-auto border-l border-line p-3 text-xs" tabIndex={0}>
      <header className="flex items-center gap-2">
        <h2 className="text-sm font-medium">{entry.action}</h2>
        <span className="num text-ink-3">{count(entry.sequence)}</span>
        <span className="ml-auto"><Button look="quiet" small icon={<X size={14} />} aria-label="Close" onClick={onClose} /></span>
      </header>
      <dl className="grid grid-cols-[72px_minmax(0,1fr)] gap-y-1.5">
        {(
          [
            ['When', moment(entry.at)],
            ['Actor', `${entry.actor} (${entry.role})`],
            ['Subject', <ThingLink key="s" id={entry.subject}>{entry.subject}</ThingLink>],
            ['Before', <Copyable key="p" text={entry.previous_hash} short={20} />],
            ['After', <Copyable key="h" text={entry.hash} short={20} />],
            ...(entry.trace_id ? [['Trace', <Copyable key="t" text={entry.trace_id} short={20} />]] : []),
            ['Events', <span key="e">{entry.events.map((event) => <Copyable key={event} text={event} short={20} />)}</span>],
          ] as [string, React.ReactNode][]
        ).map(([name, value]) => (
          <div key={name} className="contents">
            <dt className="text-ink-2">{name}</dt>
            <dd className="num min-w-0 break-all">{value}</dd>
          </div>
        ))}
      </dl>
      {Object.keys(detail).length > 0 && <Tree name="what it holds" value={detail} open />}
      {near.map((one) => (
        <Tree key={one.id} name={`decided by ${one.rule}`} value={{ receipt: one.id, from: one.inputs.from, to: one.inputs.to, outcome: one.outcome }} open />
      ))}
    </aside>
  )
}
