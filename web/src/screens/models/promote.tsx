import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { api, asked } from '@/api/client'
import { Problem } from '@/api/problem'
import { undo } from '@/shell/undo'
import { Confirm } from '@/ui/dialog'
import { Field, Input } from '@/ui/field'
import { percent } from '@/ui/format'
import { Loaded } from '@/ui/states'
import { metricsOf } from '@/screens/runs/rows'
import { WithLimits } from '@/screens/runs/state'
import { GateShown } from './gates'
import { admitting, gatesQuery, type Model, type ModelVersion } from './queries'

/** What follows the alias, so that one sees what a move of it changes. */
function Followers({ model }: { model: string }) {
  const deployments = useQuery(asked(['deployments'], () => api.GET('/api/v1/deployments')))
  const mine = (deployments.data?.items ?? []).filter((one) => one.model === model && one.alias === 'champion')
  return <p className="text-xs text-ink-2">{mine.length ? `${mine.map((one) => one.name).join(', ')} ${mine.length === 1 ? 'follows' : 'follow'} this alias and will answer with it once rolled out.` : 'No deployment follows this alias.'}</p>
}

/** Gives the champion alias to a version: shows its gate and what changes; the model's name is typed first. */
export function Promote({ model, version, holder, onClose }: { model: Model; version: ModelVersion; holder?: ModelVersion; onClose: () => void }) {
  const cache = useQueryClient()
  const gates = useQuery(gatesQuery(version.id))
  const [reason, setReason] = useState('')
  const gate = admitting(gates.data ?? [], holder?.id)
  const promote = useMutation({
    mutationFn: () => api.POST('/api/v1/models/{model}/promote', { params: { path: { model: model.name } }, body: { version: version.id, alias: 'champion', gate: gate?.id ?? null, reason: reason.trim() } }),
    onSuccess: () => {
      void cache.invalidateQueries()
      undo.say(`${model.name} v${version.number} is the champion`)
      onClose()
    },
  })
  return (
    <Confirm open onOpenChange={onClose} title={`Promote ${model.name} v${version.number} to champion`} word={model.name} action="Promote" busy={promote.isPending || (gates.isSuccess && !gate && !reason.trim() && promote.isPending)} onConfirm={() => (gate || reason.trim()) && promote.mutate()}>
      <Change from={holder} to={version} />
      <Loaded query={gates} what="Its gates">
        {(all) =>
          gate ? (
            <GateShown gate={gate} name={holder ? `against v${holder.number}` : 'first version'} />
          ) : (
            <>
              <p className="rounded-md bg-warn-bg p-2 text-warn">
                {all.length ? 'No gate passed against the present champion.' : 'No gate has looked at this version.'} Promoting it is an override: the receipt says so and keeps your reason.
              </p>
              {all.length > 0 && <GateShown gate={all.at(-1)!} name="newest gate" />}
              <Field label="Reason">
                <Input value={reason} required onChange={(event) => setReason(event.target.value)} />
              </Field>
            </>
          )
        }
      </Loaded>
      <Followers model={model.name} />
      {promote.error instanceof Problem && <p role="alert" className="text-crit">{promote.error.message} {promote.error.hint}</p>}
    </Confirm>
  )
}

/** Takes the last move of the champion alias back. */
export function RollBack({ model, from, to, onClose }: { model: Model; from: ModelVersion; to: ModelVersion; onClose: () => void }) {
  const cache = useQueryClient()
  const back = useMutation({
    mutationFn: () => api.POST('/api/v1/models/{model}/rollback', { params: { path: { model: model.name } }, body: { alias: 'champion' } }),
    onSuccess: () => {
      void cache.invalidateQueries()
      undo.say(`${model.name} is back at v${to.number}`)
      onClose()
    },
  })
  return (
    <Confirm open onOpenChange={onClose} title={`Roll ${model.name} back to v${to.number}?`} word={model.name} action="Roll back" busy={back.isPending} onConfirm={() => back.mutate()}>
      <Change from={from} to={to} />
      <p className="text-xs text-ink-2">The last move of the alias is undone; rolling back once more is forward again. A receipt is kept.</p>
      <Followers model={model.name} />
      {back.error instanceof Problem && <p role="alert" className="text-crit">{back.error.message} {back.error.hint}</p>}
    </Confirm>
  )
}

function Change({ from, to }: { from?: ModelVersion; to: ModelVersion }) {
  const accuracy = (version: ModelVersion) => metricsOf(version.metrics).find((one) => one.name === 'accuracy')
  const tests = (version: ModelVersion) => (version.metrics as { n?: number }).n
  return (
    <dl className="num grid grid-cols-[96px_1fr] gap-x-4 gap-y-1">
      {[from && ([`now v${from.number}`, from] as const), [`then v${to.number}`, to] as const].filter((row) => !!row).map(([name, version]) => {
        const metric = accuracy(version)
        return (
          <div key={name} className="contents">
            <dt className="text-ink-2">{name}</dt>
            <dd>{metric ? <>accuracy <WithLimits {...metric} /> on {tests(version) ?? '?'} samples of its own test version</> : percent(null)}</dd>
          </div>
        )
      })}
    </dl>
  )
}
