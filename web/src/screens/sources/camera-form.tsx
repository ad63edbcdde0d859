import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { api, asked } from '@/api/client'
import { Problem } from '@/api/problem'
import { undo } from '@/shell/undo'
import { Button } from '@/ui/button'
import { Field, Input } from '@/ui/field'
import { Select } from '@/ui/select'

type Drop = 'oldest' | 'newest' | 'never'
type Keep = 'all' | 'uncertain' | 'none'
const DROPS = [{ value: 'oldest', label: 'Drop the oldest' }, { value: 'newest', label: 'Drop the newest' }, { value: 'never', label: 'Drop none, read slower' }] as const
const KEEPS = [{ value: 'uncertain', label: 'Uncertain frames' }, { value: 'all', label: 'All frames' }, { value: 'none', label: 'No frames' }] as const

/** A camera by its address: what predicts its frames, which are kept, and what goes when there are too many. */
export function CameraForm({ close }: { close: () => void }) {
  const cache = useQueryClient()
  const deployments = useQuery(asked(['deployments'], () => api.GET('/api/v1/deployments')))
  const [name, setName] = useState('')
  const [url, setUrl] = useState('')
  const [user, setUser] = useState('')
  const [password, setPassword] = useState('')
  const [every, setEvery] = useState('1')
  const [deployment, setDeployment] = useState('-')
  const [drop, setDrop] = useState<Drop>('oldest')
  const [keep, setKeep] = useState<Keep>('uncertain')
  const predicted = deployment !== '-'
  const add = useMutation({
    mutationFn: () =>
      api.POST('/api/v1/cameras', {
        body: { name: name.trim(), url: url.trim(), user, password, every_s: Number(every), policy: { queue: 8, drop }, deployment: predicted ? deployment : null, keep: predicted ? keep : 'all', uncertain_below: 0.8, stall_s: 10, start: true },
      }),
    onSuccess: () => {
      void cache.invalidateQueries()
      undo.say(`${name.trim()} is being connected`)
      close()
    },
  })
  const problem = add.error instanceof Problem ? add.error : null
  const names = (deployments.data?.items ?? []).map((one) => ({ value: one.name, label: one.name }))
  return (
    <form
      className="flex flex-col gap-3"
      onSubmit={(event) => {
        event.preventDefault()
        add.mutate()
      }}
    >
      <div className="grid grid-cols-2 gap-3">
        <Field label="Name">
          <Input value={name} onChange={(event) => setName(event.target.value)} required autoFocus placeholder="line-1" />
        </Field>
        <Field label="A frame every (seconds)">
          <Input value={every} onChange={(event) => setEvery(event.target.value)} inputMode="decimal" required className="num" />
        </Field>
      </div>
      <Field label="Address" hint="RTSP within networks that the operator opened. Credentials go into the fields below." error={problem ? `${problem.message} ${problem.hint}` : undefined}>
        <Input value={url} onChange={(event) => setUrl(event.target.value)} required className="mono" placeholder="rtsp://192.168.1.20/stream" />
      </Field>
      <div className="grid grid-cols-2 gap-3">
        <Field label="User, if it asks for one">
          <Input value={user} onChange={(event) => setUser(event.target.value)} autoComplete="off" />
        </Field>
        <Field label="Password">
          <Input type="password" value={password} onChange={(event) => setPassword(event.target.value)} autoComplete="new-password" />
        </Field>
      </div>
      <div className="flex flex-wrap gap-3">
        <Select label="What predicts its frames" value={deployment} onChange={setDeployment} options={[{ value: '-', label: 'No deployment: keep all frames' }, ...names]} />
        {predicted && <Select label="Which frames become samples" value={keep} onChange={setKeep} options={KEEPS} />}
        <Select label="When too many wait" value={drop} onChange={setDrop} options={DROPS} />
      </div>
      <div className="flex justify-end gap-2">
        <Button onClick={close}>Cancel</Button>
        <Button look="primary" type="submit" needs="ingest" busy={add.isPending} disabled={!name.trim() || !url.trim() || !(Number(every) > 0)}>
          Connect it
        </Button>
      </div>
    </form>
  )
}
