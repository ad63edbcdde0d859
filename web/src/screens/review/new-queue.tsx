import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link, useNavigate, useParams } from '@tanstack/react-router'
import { useState } from 'react'
import { Problem } from '@/api/problem'
import { Button } from '@/ui/button'
import { Dialog } from '@/ui/dialog'
import { Field, Input } from '@/ui/field'
import { count } from '@/ui/format'
import { Select } from '@/ui/select'
import { fetched, posted, type ReviewQueue, type Schema } from './data'

/** What the grid hands over: ids that were chosen there. */
export const VIEW = 'sightloop.view'

/** The ids that a link or the grid brought along; null where every sample is meant. */
export function handedOver(link: string | undefined, kept: string | null): string[] | null {
  if (link) return link.split(',').filter(Boolean)
  try {
    const found: unknown = JSON.parse(kept ?? 'null')
    const list = Array.isArray(found) ? found : found && typeof found === 'object' && 'samples' in found ? found.samples : null
    return Array.isArray(list) && list.length && list.every((one) => typeof one === 'string') ? list : null
  } catch {
    return null
  }
}

/** Asks what a new queue shows, to how many people, and when they count as agreeing. */
export function NewQueue({ samples, close }: { samples: string | undefined; close: () => void }) {
  const { workspace } = useParams({ from: '/w/$workspace' })
  const navigate = useNavigate()
  const cache = useQueryClient()
  const [chosen] = useState(() => handedOver(samples, sessionStorage.getItem(VIEW)))
  const schemas = useQuery(fetched<{ items: Schema[] }>(['schemas'], '/schemas'))
  const [form, setForm] = useState({ name: '', schema: '', geometry: '', answers: '1', agreement: '70', honeypots: '' })
  const set = (more: Partial<typeof form>): void => setForm((old) => ({ ...old, ...more }))
  const offered = schemas.data?.items ?? []
  const schema = offered.find((one) => one.name === (form.schema || offered[0]?.name))
  const kinds = (schema?.geometry_types ?? []).filter((one) => one !== 'class')
  const answers = Math.max(1, Math.min(20, Number(form.answers) || 1))
  const honeypots = form.honeypots.split(/[\s,]+/).filter(Boolean)
  const making = useMutation({
    mutationFn: () =>
      posted<ReviewQueue>('/review-queues', {
        name: form.name.trim(),
        schema: schema?.name,
        ...(chosen ? { samples: chosen } : { where: {} }),
        answers_wanted: answers,
        agreement: Number(form.agreement) / 100,
        geometry: form.geometry,
        honeypots,
      }),
    onSuccess: (made) => {
      sessionStorage.removeItem(VIEW)
      void cache.invalidateQueries({ queryKey: [workspace, 'review-queues'] })
      void navigate({ to: '/w/$workspace/review/$queue', params: { workspace, queue: made.id } })
    },
  })
  const wrong = making.error instanceof Problem ? making.error : null
  return (
    <Dialog open onOpenChange={(open) => !open && close()} title="New review queue" description={chosen ? `${count(chosen.length)} samples that you chose.` : 'All samples of this workspace. Choose some in the datasets first to ask about those alone.'}>
      <form className="flex flex-col gap-4" onSubmit={(event) => (event.preventDefault(), form.name.trim() && schema && making.mutate())}>
        <Field label="Name">
          <Input autoFocus value={form.name} onChange={(event) => set({ name: event.target.value })} placeholder="scratches, week 47" />
        </Field>
        <div className="grid grid-cols-2 gap-4">
          <div className="flex flex-col gap-1">
            <span className="text-xs text-ink-2">Classes</span>
            {offered.length ? <Select label="Classes" value={schema?.name ?? ''} onChange={(name) => set({ schema: name, geometry: '' })} options={offered.map((one) => ({ value: one.name, label: one.name, hint: `${one.classes.length} classes` }))} /> : <span className="text-xs text-ink-3">{schemas.isError ? 'The classes could not be read.' : 'No schema yet.'} </span>}
          </div>
          <div className="flex flex-col gap-1">
            <span className="text-xs text-ink-2">Asks for, first of all</span>
            <Select label="Asks for" value={form.geometry || kinds[0] || 'class'} onChange={(geometry) => set({ geometry })} options={[...kinds.map((one) => ({ value: one as string, label: one.replace('_', ' ') })), ...(schema?.geometry_types.includes('class') || !kinds.length ? [{ value: 'class', label: 'one class' }] : [])]} />
          </div>
          <Field label="People an image" hint={answers > 1 ? 'Blind: nobody sees the others.' : 'One person; suggestions are shown.'}>
            <Input type="number" min={1} max={20} value={form.answers} onChange={(event) => set({ answers: event.target.value })} />
          </Field>
          <Field label="Agreement needed, %" hint={answers > 1 ? 'Below it, somebody adjudicates.' : 'Counts with two people or more.'}>
            <Input type="number" min={0} max={100} value={form.agreement} disabled={answers < 2} onChange={(event) => set({ agreement: event.target.value })} />
          </Field>
        </div>
        <Field label="Samples with a known truth, by id" hint="Mixed in unseen; how often each person finds the truth stands in the agreement. They make the queue blind.">
          <Input value={form.honeypots} onChange={(event) => set({ honeypots: event.target.value })} placeholder="smp_…, smp_…" className="mono" />
        </Field>
        {wrong && (
          <p role="alert" className="text-xs text-crit">
            {wrong.message} {wrong.hint}
          </p>
        )}
        <div className="flex items-center justify-end gap-2">
          {!chosen && (
            <Link to="/w/$workspace/datasets" params={{ workspace }} className="mr-auto text-sel hover:underline">
              Choose samples
            </Link>
          )}
          <Button onClick={close}>Cancel</Button>
          <Button look="primary" type="submit" needs="dataset.write" busy={making.isPending} disabled={!form.name.trim() || !schema}>
            Make the queue
          </Button>
        </div>
      </form>
    </Dialog>
  )
}
