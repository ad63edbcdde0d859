import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useNavigate, useParams } from '@tanstack/react-router'
import { useState } from 'react'
import { api, asked } from '@/api/client'
import { Problem } from '@/api/problem'
import { useRight } from '@/shell/session'
import { undo } from '@/shell/undo'
import { Button } from '@/ui/button'
import { Field, Input, TextArea } from '@/ui/field'
import { Checkbox, Select } from '@/ui/select'
import { drafted, NEW, NONE, secretsOf, storeOf, type Draft } from './draft'

const EVERY = [
  { value: '0', label: 'when asked' },
  { value: '60', label: 'every minute' },
  { value: '600', label: 'every 10 minutes' },
  { value: '3600', label: 'every hour' },
] as const

/** A bucket as a source that stands: its media stay there, and each look takes in only what is new. */
export function BucketForm({ close }: { close: () => void }) {
  const { workspace = 'default' } = useParams({ strict: false })
  const navigate = useNavigate()
  const cache = useQueryClient()
  const admin = useRight('admin').held
  const known = useQuery({ ...asked(['credentials'], () => api.GET('/api/v1/credentials')), enabled: useRight('ingest').held })
  const [draft, setDraft] = useState<Draft>(drafted)
  const set = (next: Partial<Draft>) => setDraft((before) => ({ ...before, ...next }))
  const store = storeOf(draft.url)
  const fitting = (known.data?.items ?? []).filter((one) => one.kind === store)
  const start = useMutation({
    mutationFn: async () => {
      const name = draft.name.trim()
      const own = draft.credentials === NEW
      const credentials = own ? name : draft.credentials === NONE ? '' : draft.credentials
      if (own) await api.POST('/api/v1/credentials', { body: { name, kind: store, secrets: secretsOf(store, draft), endpoint: draft.endpoint.trim(), region: draft.region.trim(), account: draft.account.trim() } })
      try {
        await api.POST('/api/v1/sources', { body: { name, kind: 'bucket', every_s: Number(draft.every), settings: { url: draft.url.trim(), ...(credentials && { credentials }), ...(draft.copy && { copy: true }) } } })
      } catch (error) {
        if (own) await api.DELETE('/api/v1/credentials/{name}', { params: { path: { name } } })
        throw error
      }
      return api.POST('/api/v1/sources/{name}/sync', { params: { path: { name } } })
    },
    onSuccess: ({ data }) => {
      void cache.invalidateQueries()
      close()
      undo.say('The bucket is being read')
      void navigate({ to: '/w/$workspace/sources', params: { workspace }, search: { run: data?.id } })
    },
  })
  const problem = start.error instanceof Problem ? start.error : null
  const choices = [...fitting.map((one) => ({ value: one.name, label: one.name })), ...(admin ? [{ value: NEW, label: 'New credentials' }] : []), { value: NONE, label: 'None, it is public' }]
  return (
    <form
      className="flex flex-col gap-3"
      onSubmit={(event) => {
        event.preventDefault()
        start.mutate()
      }}
    >
      <Field label="Address" hint="Media stay in the bucket and are read there; their digest is verified on each read.">
        <Input value={draft.url} onChange={(event) => set({ url: event.target.value })} required autoFocus className="mono" placeholder="s3://plant/line-2, gs://plant/line-2 or az://plant/line-2" />
      </Field>
      <Field label="Name">
        <Input value={draft.name} onChange={(event) => set({ name: event.target.value })} required placeholder="line-2" />
      </Field>
      <div className="grid grid-cols-2 gap-3">
        <Field label="Credentials" hint={admin ? undefined : 'An admin of the workspace stores new ones.'}>
          <Select label="Credentials" value={draft.credentials} onChange={(credentials) => set({ credentials })} options={choices} />
        </Field>
        <Field label="Looked at">
          <Select label="Looked at" value={draft.every} onChange={(every) => set({ every })} options={EVERY} />
        </Field>
      </div>
      {draft.credentials === NEW && <Secrets draft={draft} set={set} />}
      <Checkbox checked={draft.copy} onChange={(copy) => set({ copy })}>
        Copy the media into this workspace
      </Checkbox>
      {problem && (
        <p role="alert" className="text-xs text-crit">
          {problem.message} {problem.hint}
        </p>
      )}
      <div className="flex justify-end gap-2">
        <Button onClick={close}>Cancel</Button>
        <Button look="primary" type="submit" needs="ingest" busy={start.isPending} disabled={!store || !draft.name.trim()}>
          Connect
        </Button>
      </div>
    </form>
  )
}

function Secrets({ draft, set }: { draft: Draft; set: (next: Partial<Draft>) => void }) {
  const store = storeOf(draft.url)
  const text = (label: string, field: keyof Draft, more: { hidden?: boolean; hint?: string; needed?: boolean } = {}) => (
    <Field label={label} hint={more.hint}>
      <Input type={more.hidden ? 'password' : 'text'} autoComplete="off" required={more.needed} className="mono" value={String(draft[field])} onChange={(event) => set({ [field]: event.target.value })} />
    </Field>
  )
  if (!store) return <p className="text-xs text-ink-2">Write the address first: it says whose credentials are needed.</p>
  return (
    <fieldset className="flex flex-col gap-3 border-l border-line-strong pl-3">
      <legend className="sr-only">New credentials</legend>
      <div className="grid grid-cols-2 gap-3">
        {store === 's3' && text('Access key id', 'keyId', { needed: true })}
        {store === 's3' && text('Secret access key', 'secret', { hidden: true, needed: true })}
        {store === 's3' && text('Region', 'region', { hint: 'us-east-1 if empty.' })}
        {store === 'azure' && text('Storage account', 'account', { needed: true })}
        {store === 'azure' && text('Account key', 'secret', { hidden: true, needed: true })}
        {text('Endpoint', 'endpoint', { hint: "Empty for the provider's own." })}
      </div>
      {store === 'gcs' && (
        <Field label="Key of the service account" hint="The JSON file, as Google Cloud made it.">
          <TextArea className="mono" rows={4} required value={draft.secret} onChange={(event) => set({ secret: event.target.value })} />
        </Field>
      )}
      <p className="text-2xs text-ink-3">Kept under the name of the source, sealed where the server has a master key, and never shown again.</p>
    </fieldset>
  )
}
