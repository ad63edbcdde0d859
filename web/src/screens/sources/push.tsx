import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { api } from '@/api/client'
import { Problem } from '@/api/problem'
import { Button } from '@/ui/button'
import { Field, Input } from '@/ui/field'
import { Copyable } from '@/ui/states'

/** A source that programs push media to, and how they do. */
export function PushForm({ close }: { close: () => void }) {
  const cache = useQueryClient()
  const [name, setName] = useState('')
  const add = useMutation({
    mutationFn: () => api.POST('/api/v1/sources', { body: { name: name.trim(), kind: 'push', settings: {}, every_s: 0 } }),
    onSuccess: () => void cache.invalidateQueries(),
  })
  const problem = add.error instanceof Problem ? add.error : null
  if (add.data?.data)
    return (
      <div role="status" className="flex flex-col gap-3">
        <p className="text-ink-2">Send each medium here, with a key of the role pusher (Settings, Members). It becomes a sample within a moment.</p>
        <Copyable text={`curl -X POST "${location.origin}/api/v1/sources/${encodeURIComponent(add.data.data.name)}/media?medium=NAME" -H "Authorization: Bearer KEY" -H "Content-Type: application/octet-stream" --data-binary @FILE`} />
        <div className="flex justify-end">
          <Button look="primary" onClick={close}>
            Done
          </Button>
        </div>
      </div>
    )
  return (
    <form
      className="flex flex-col gap-3"
      onSubmit={(event) => {
        event.preventDefault()
        add.mutate()
      }}
    >
      <Field label="Name" hint="Cameras and scripts send media to it over HTTP." error={problem ? `${problem.message} ${problem.hint}` : undefined}>
        <Input value={name} onChange={(event) => setName(event.target.value)} required autoFocus placeholder="press-4" />
      </Field>
      <div className="flex justify-end gap-2">
        <Button onClick={close}>Cancel</Button>
        <Button look="primary" type="submit" needs="ingest" busy={add.isPending} disabled={!name.trim()}>
          Connect
        </Button>
      </div>
    </form>
  )
}
