import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { api, asked } from '@/api/client'
import { Problem } from '@/api/problem'
import { undo } from '@/shell/undo'
import { Button } from '@/ui/button'
import { Confirm, Dialog } from '@/ui/dialog'
import { Field, Input } from '@/ui/field'
import { Select } from '@/ui/select'
import type { Deployment } from './queries'

/** What went wrong with a change, under the control that asked for it. */
export const Wrong = ({ error }: { error: unknown }) => (error instanceof Problem ? <p role="alert" className="text-crit">{error.message} {error.hint}</p> : null)

/** A new deployment of a model's alias. */
export function Deploy({ onClose }: { onClose: () => void }) {
  const cache = useQueryClient()
  const models = useQuery(asked(['models'], () => api.GET('/api/v1/models')))
  const [name, setName] = useState('')
  const [model, setModel] = useState('')
  const chosen = model || models.data?.items.find((one) => one.aliases.champion)?.name || ''
  const deploy = useMutation({ mutationFn: () => api.POST('/api/v1/deployments', { body: { name: name.trim(), model: chosen, alias: 'champion' } }), onSuccess: () => (void cache.invalidateQueries(), onClose()) })
  return (
    <Dialog open onOpenChange={onClose} title="Deploy a model" description="It answers with the version that the champion alias names, once it is warm.">
      <form className="flex flex-col gap-3" onSubmit={(event) => (event.preventDefault(), deploy.mutate())}>
        <Field label="Name"><Input value={name} required autoFocus onChange={(event) => setName(event.target.value)} placeholder="line-1" /></Field>
        {chosen ? <Select label="Model" value={chosen} onChange={setModel} options={(models.data?.items ?? []).map((one) => ({ value: one.name, label: one.name, hint: one.aliases.champion ? '' : 'no champion' }))} /> : <p className="text-ink-2">No model has a champion yet. Promote a version first.</p>}
        <Wrong error={deploy.error} />
        <div className="flex justify-end gap-2">
          <Button onClick={onClose}>Cancel</Button>
          <Button look="primary" type="submit" disabled={!chosen || !name.trim()} busy={deploy.isPending}>Deploy</Button>
        </div>
      </form>
    </Dialog>
  )
}

/** Roll out, roll back and stop, each with what it changes. */
export function Verbs({ deployment, named, number, before }: { deployment: Deployment; named?: string; number: (version: string) => string; before?: string }) {
  const cache = useQueryClient()
  const [asking, setAsking] = useState<'back' | 'stop' | null>(null)
  const done = (text: string) => () => {
    setAsking(null)
    void cache.invalidateQueries()
    undo.say(text)
  }
  const path = { params: { path: { name: deployment.name } } }
  const sync = useMutation({ mutationFn: () => api.POST('/api/v1/deployments/{name}/sync', path), onSuccess: done(`${deployment.name} answers with what ${deployment.alias} names`) })
  const stop = useMutation({ mutationFn: () => api.POST('/api/v1/deployments/{name}/stop', path), onSuccess: done(`${deployment.name} is stopped`) })
  const back = useMutation({
    mutationFn: () => api.POST('/api/v1/deployments/{name}/rollback', path),
    onSuccess: done(`${deployment.name} is rolled back`),
  })
  const current = named === deployment.model_version && deployment.state === 'serving'
  return (
    <>
      <Button needs="deploy" disabled={deployment.state === 'stopped'} tip={deployment.state === 'stopped' ? 'It is stopped already.' : undefined} onClick={() => setAsking('stop')}>Stop</Button>
      <Button needs="promote" disabled={!before} tip={before ? `Back to ${number(before)}` : 'Nothing to go back to: the alias has not moved from another version.'} onClick={() => setAsking('back')}>Roll back</Button>
      <Button look="primary" needs="deploy" disabled={current} busy={sync.isPending} tip={current ? `It answers with ${number(deployment.model_version)}, as ${deployment.alias} names.` : `${number(deployment.model_version)} → ${named ? number(named) : 'nothing named'}`} onClick={() => sync.mutate()}>
        Roll out {!current && named ? number(named) : ''}
      </Button>
      <Confirm open={asking === 'stop'} onOpenChange={() => setAsking(null)} title={`Stop ${deployment.name}?`} word={deployment.name} action="Stop" busy={stop.isPending} onConfirm={() => stop.mutate()}>
        <p className="text-ink-2">It answers no more. Roll it out to start it again; its log and monitor stay.</p>
        <Wrong error={stop.error} />
      </Confirm>
      <Confirm open={asking === 'back'} onOpenChange={() => setAsking(null)} title={`Roll ${deployment.name} back?`} word={deployment.model} action="Roll back" busy={back.isPending} onConfirm={() => back.mutate()}>
        <p className="num text-ink-2">{deployment.model}@{deployment.alias} goes from {named ? number(named) : 'nothing'} back to {before ? number(before) : 'nothing'}, and {deployment.name} answers with it. Every deployment of the alias is meant.</p>
        <Wrong error={back.error} />
      </Confirm>
      <span className="sr-only" role="status">{sync.isError ? String(sync.error.message) : ''}</span>
    </>
  )
}
