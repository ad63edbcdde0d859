import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link, useParams } from '@tanstack/react-router'
import { ShieldCheck } from 'lucide-react'
import { useMemo, useState } from 'react'
import { api, asked } from '@/api/client'
import { undo } from '@/shell/undo'
import { Button } from '@/ui/button'
import { ago, count, moment } from '@/ui/format'
import { Tag } from '@/ui/marks'
import { Checkbox, Select } from '@/ui/select'
import { Copyable, Empty, Failed, Loaded } from '@/ui/states'
import { Table } from '@/ui/table'
import { groupedBy } from '@/ui/grouped'

type Held = { id: string; name: string; digest: string; reason: string; detail: string; run: string; made_at: string; state: string }

export const quarantineQuery = () => asked(['quarantine'], () => api.GET('/api/v1/quarantine'))

/** Files that could not become samples, with the reason of each; what was fixed can be tried again. */
export function Quarantine() {
  const { workspace = 'default' } = useParams({ strict: false })
  const cache = useQueryClient()
  const files = useQuery(quarantineQuery())
  const [reason, setReason] = useState('any')
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set())
  const held = useMemo(() => (files.data?.items ?? []).filter((one) => one.state === 'quarantined'), [files.data])
  const reasons = useMemo(() => [...groupedBy(held, (one) => one.reason)].map(([name, its]) => ({ name, rows: its.length })).sort((a, b) => b.rows - a.rows), [held])
  const rows = reason === 'any' ? held : held.filter((one) => one.reason === reason)
  const replay = useMutation({
    mutationFn: (ids: string[] | null) => api.POST('/api/v1/quarantine/replay', { body: { ids } as never }),
    onSuccess: (_, ids) => {
      undo.say(`${count(ids?.length ?? held.length)} files are tried again`)
      setSelected(new Set())
      void cache.invalidateQueries()
    },
  })
  const toggle = (one: Held) =>
    setSelected((old) => {
      const next = new Set(old)
      if (!next.delete(one.id)) next.add(one.id)
      return next
    })
  const allOn = rows.length > 0 && rows.every((one) => selected.has(one.id))
  return (
    <Loaded query={files} what="The quarantine">
      {() =>
        !held.length ? (
          <Empty icon={<ShieldCheck />} title="Nothing in quarantine">
            Files that cannot be decoded, claim too many pixels, or are not what their name says are kept here with the reason.
          </Empty>
        ) : (
          <div className="flex h-full flex-col">
            <div className="flex h-9 shrink-0 items-center gap-3 border-b border-line px-4">
              <Select label="Reason" value={reason} onChange={setReason} className="text-xs" options={[{ value: 'any', label: `Any reason (${count(held.length)})` }, ...reasons.map((one) => ({ value: one.name, label: `${one.name.replaceAll('_', ' ')} (${count(one.rows)})` }))]} />
              <span className="num text-xs text-ink-2">{selected.size ? `${count(selected.size)} selected` : 'X selects the row in focus'}</span>
              <span className="grow" />
              <Button small needs="ingest" busy={replay.isPending} onClick={() => replay.mutate(selected.size ? [...selected] : reason === 'any' ? null : rows.map((one) => one.id))}>
                Try {selected.size ? count(selected.size) : reason === 'any' ? 'all' : `these ${count(rows.length)}`} again
              </Button>
            </div>
            {replay.error && <Failed what="The new try" error={replay.error} />}
            <div className="min-h-0 grow">
              <Table
                rows={rows}
                id={(one) => one.id}
                label="Quarantine"
                selected={selected}
                onSelect={toggle}
                columns={[
                  { key: 'on', width: '56px', head: <Checkbox checked={allOn} onChange={(on) => setSelected(on ? new Set(rows.map((one) => one.id)) : new Set())}><span className="sr-only">Select all</span></Checkbox>, cell: (one) => <Checkbox checked={selected.has(one.id)} onChange={() => toggle(one)}><span className="sr-only">{one.name}</span></Checkbox> },
                  { key: 'name', head: 'File', cell: (one) => <span title={one.name}>{one.name}</span> },
                  { key: 'reason', head: 'Reason', width: '168px', cell: (one) => <Tag>{one.reason.replaceAll('_', ' ')}</Tag> },
                  { key: 'detail', head: 'What was found', width: 'minmax(0,2.2fr)', cell: (one) => <span title={one.detail} className="text-ink-2">{one.detail}</span> },
                  { key: 'digest', head: 'Digest', width: '120px', cell: (one) => <Copyable text={one.digest} short={8} /> },
                  { key: 'run', head: 'Run', width: '88px', cell: (one) => <Link to="/w/$workspace/runs/$run" params={{ workspace, run: one.run }} className="text-sel hover:underline">open</Link> },
                  { key: 'at', head: 'When', right: true, width: '104px', cell: (one) => <span title={moment(one.made_at)}>{ago(one.made_at)}</span> },
                ]}
              />
            </div>
          </div>
        )
      }
    </Loaded>
  )
}
