import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { api, asked } from '@/api/client'
import { Wrong } from '@/screens/deployments/deploy'
import { useRight, useSession } from '@/shell/session'
import { Button } from '@/ui/button'
import { Field, Input } from '@/ui/field'
import { Tag } from '@/ui/marks'
import { Empty, Loaded } from '@/ui/states'
import { Secret } from './secret'

/** The workspaces of the installation; one is made with its first admin key. */
export function Workspaces() {
  const session = useSession()
  const right = useRight('admin')
  const cache = useQueryClient()
  const [name, setName] = useState('')
  const all = useQuery({ ...asked(['workspaces'], () => api.GET('/api/v1/workspaces')), enabled: right.held })
  const create = useMutation({ mutationFn: async () => (await api.POST('/api/v1/workspaces', { body: { name: name.trim() } })).data!, onSuccess: () => (setName(''), cache.invalidateQueries()) })
  if (!right.held) return <Empty title="Workspaces are shown to admins">You are signed in as {session.role}.</Empty>
  return (
    <div className="flex flex-col gap-4">
      <form className="flex items-end gap-2" onSubmit={(event) => (event.preventDefault(), create.mutate())}>
        <Field label="Name" hint="Letters, digits, - and _"><Input value={name} required onChange={(event) => setName(event.target.value)} className="w-64" /></Field>
        <span className="pb-5"><Button look="primary" type="submit" needs="admin" busy={create.isPending} disabled={!name.trim()}>Create a workspace</Button></span>
      </form>
      <Wrong error={create.error} />
      {create.data && <Secret secret={create.data.secret} name={`the first admin of ${create.data.name}`} />}
      <Loaded query={all} what="Workspaces">
        {(found) => (
          <ul>
            {found.items.map((one) => (
              <li key={one.id} className="flex h-8 items-center gap-3 border-b border-line">
                <span className="font-medium">{one.name || one.id}</span>
                <span className="mono text-ink-2">{one.id}</span>
                {one.id === session.workspace && <Tag>here</Tag>}
              </li>
            ))}
          </ul>
        )}
      </Loaded>
    </div>
  )
}
