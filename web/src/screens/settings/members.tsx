import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { api, asked } from '@/api/client'
import type { components } from '@/api/schema.gen'
import { Wrong } from '@/screens/deployments/deploy'
import { useRight, useSession } from '@/shell/session'
import { Button } from '@/ui/button'
import { cx } from '@/ui/classes'
import { Confirm } from '@/ui/dialog'
import { Field, Input } from '@/ui/field'
import { ago, moment } from '@/ui/format'
import { Tag } from '@/ui/marks'
import { Select } from '@/ui/select'
import { Empty, Loaded } from '@/ui/states'
import { Secret } from './secret'

type Key = components['schemas']['ApiKey']
type Role = components['schemas']['Role']
const ROLES: { value: Role; label: string; hint: string }[] = [
  { value: 'viewer', label: 'viewer', hint: 'reads' },
  { value: 'predictor', label: 'predictor', hint: 'asks a deployment' },
  { value: 'pusher', label: 'pusher', hint: 'pushes media to sources' },
  { value: 'labeler', label: 'labeler', hint: 'labels' },
  { value: 'engineer', label: 'engineer', hint: 'trains and promotes' },
  { value: 'admin', label: 'admin', hint: 'everything' },
]
const ROW = 'grid h-8 min-w-[720px] grid-cols-[minmax(0,1.4fr)_88px_110px_120px_110px_84px] items-center gap-3 border-b border-line text-xs'

/** Who may do what: each person or program is a key with a role. */
export function Members() {
  const session = useSession()
  const right = useRight('admin')
  const cache = useQueryClient()
  const keys = useQuery({ ...asked(['keys'], () => api.GET('/api/v1/keys')), enabled: right.held })
  const [name, setName] = useState('')
  const [role, setRole] = useState<Role>('labeler')
  const [days, setDays] = useState('90')
  const [leaving, setLeaving] = useState<Key | null>(null)
  const create = useMutation({
    mutationFn: async () => (await api.POST('/api/v1/keys', { body: { name: name.trim(), role, days: days ? Number(days) : null, deployment: '' } })).data!,
    onSuccess: () => (setName(''), cache.invalidateQueries({ queryKey: [session.workspace, 'keys'] })),
  })
  const revoke = useMutation({ mutationFn: (id: string) => api.DELETE('/api/v1/keys/{key}', { params: { path: { key: id } } }), onSuccess: () => (setLeaving(null), cache.invalidateQueries()) })
  if (!right.held) return <Empty title="Members are shown to admins">You are signed in as {session.role}.</Empty>
  return (
    <div className="flex flex-col gap-4">
      <form className="flex flex-wrap items-end gap-2" onSubmit={(event) => (event.preventDefault(), create.mutate())}>
        <Field label="Name"><Input value={name} required maxLength={200} placeholder="Who or what it is for" onChange={(event) => setName(event.target.value)} className="w-64" /></Field>
        <Field label="Role"><Select label="Role" value={role} onChange={setRole} options={ROLES} /></Field>
        <Field label="Days, empty for ever"><Input type="number" min={1} max={36500} value={days} onChange={(event) => setDays(event.target.value)} className="w-28" /></Field>
        <Button look="primary" type="submit" needs="admin" busy={create.isPending} disabled={!name.trim()}>Create a key</Button>
      </form>
      <Wrong error={create.error} />
      {create.data && <Secret secret={create.data.secret} name={create.data.name} />}
      <Loaded query={keys} what="Keys">
        {(found) => (
          <div role="table" aria-label="Keys" tabIndex={0} className="overflow-x-auto">
            <div role="row" className={cx(ROW, 'text-ink-2')}>
              {['Name', 'Role', 'Made', 'Ends', 'Last used', ''].map((head, at) => <span key={at} role="columnheader">{head || <span className="sr-only">Revoke</span>}</span>)}
            </div>
            {found.items.toSorted((a, b) => Number(Boolean(a.revoked_at)) - Number(Boolean(b.revoked_at)) || b.made_at.localeCompare(a.made_at)).map((key) => {
              const ended = key.revoked_at !== null || (key.expires_at !== null && Date.parse(key.expires_at) < Date.now())
              return (
                <div key={key.id} role="row" className={cx(ROW, ended && 'text-ink-3')}>
                  <span role="cell" className="truncate">{key.name} {key.id === session.actor && <Tag>you</Tag>} {key.deployment && <span className="text-ink-2">only {key.deployment}</span>}</span>
                  <span role="cell">{key.role}</span>
                  <span role="cell" className="num" title={moment(key.made_at)}>{ago(key.made_at)}</span>
                  <span role="cell" className="num">{key.revoked_at ? 'revoked' : key.expires_at ? moment(key.expires_at).split(',')[0] : 'never'}</span>
                  <span role="cell" className="num">{key.last_used ? ago(key.last_used) : 'never'}</span>
                  <span role="cell">{!ended && <Button small needs="admin" disabled={key.id === session.actor} tip={key.id === session.actor ? 'You are signed in with this key.' : undefined} onClick={() => setLeaving(key)}>Revoke</Button>}</span>
                </div>
              )
            })}
          </div>
        )}
      </Loaded>
      <Confirm open={leaving !== null} onOpenChange={() => setLeaving(null)} title={`Revoke the key ${leaving?.name}?`} action="Revoke" busy={revoke.isPending} onConfirm={() => leaving && revoke.mutate(leaving.id)}>
        <p className="text-ink-2">Whoever uses it is refused from now on. A revoked key does not come back.</p>
        <Wrong error={revoke.error} />
      </Confirm>
    </div>
  )
}
