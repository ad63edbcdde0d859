import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { api, asked, begun, request } from '@/api/client'
import type { paths } from '@/api/schema.gen'
import { Problem } from '@/api/problem'
import { whereOf } from '@/media/filters'
import { undo } from '@/shell/undo'
import { Button } from '@/ui/button'
import { Dialog } from '@/ui/dialog'
import { Field, Input } from '@/ui/field'
import { count } from '@/ui/format'
import { Select } from '@/ui/select'
import { useAddress, type View } from './view'


/** Where the review screen finds the samples that were sent to it. */
export const SENT = 'sightloop.view'

/** The newest version of every label schema. */
export const schemasQuery = () => asked(['schemas'], async (signal) => ({ data: (await (await begun('/api/v1/schemas', { signal })).json()) as Schemas }))

type Schemas = paths['/api/v1/schemas']['get']['responses']['200']['content']['application/json']

export const datasetsQuery = () => asked(['datasets'], () => api.GET('/api/v1/datasets'))

/** Asks people about the samples: a campaign that stops as soon as its bound lets it accept the rest. */
export function SendToReview({ ids, close }: { ids: string[]; close: () => void }) {
  const { workspace, dataset } = useAddress()
  const navigate = useNavigate()
  const cache = useQueryClient()
  const datasets = useQuery(datasetsQuery())
  const schemas = useQuery({ ...schemasQuery(), select: (data) => data.items })
  const [name, setName] = useState(`review ${new Date().toISOString().slice(0, 16).replace('T', ' ')}`)
  const [schema, setSchema] = useState('')
  const [eps, setEps] = useState('0.05')
  const [alpha, setAlpha] = useState('0.05')
  const own = schemas.data?.find((one) => one.id === datasets.data?.items.find((it) => it.name === dataset)?.schema)
  const chosen = schema || own?.name || schemas.data?.[0]?.name || ''
  const start = useMutation({
    mutationFn: () => api.POST('/api/v1/campaigns', { body: { name, schema: chosen, samples: ids, eps: Number(eps), alpha: Number(alpha) } as never }),
    onSuccess: ({ data }) => {
      void cache.invalidateQueries()
      close()
      undo.say(`${count(ids.length)} samples are in review`)
      void navigate({ to: '/w/$workspace/review/$queue', params: { workspace, queue: data!.id } } as never)
    },
  })
  const good = (text: string) => Number(text) > 0 && Number(text) <= 0.2
  return (
    <Dialog open onOpenChange={close} title={`Send ${count(ids.length)} ${ids.length === 1 ? 'sample' : 'samples'} to review`} description="People answer one question an image until the rest can be accepted within the bound.">
      <form
        className="flex flex-col gap-3"
        onSubmit={(event) => {
          event.preventDefault()
          start.mutate()
        }}
      >
        <Field label="Name">
          <Input value={name} onChange={(event) => setName(event.target.value)} required maxLength={120} />
        </Field>
        <div className="flex flex-col gap-1">
          <span className="text-xs text-ink-2">Classes</span>
          {schemas.data?.length ? (
            <Select label="Label schema" value={chosen} onChange={setSchema} options={schemas.data.map((one) => ({ value: one.name, label: one.name, hint: one.classes.join(', ') }))} />
          ) : (
            <p className="text-ink-2">{schemas.isFetching ? 'Looking for label schemas' : 'There is no label schema yet. Make one in Settings, Schemas.'}</p>
          )}
        </div>
        <div className="grid grid-cols-2 gap-3">
          <Field label="Wrong labels at most (eps)" hint="Of what is accepted unseen, at most this share is wrong" error={good(eps) ? undefined : 'Between 0 and 0.2'}>
            <Input inputMode="decimal" value={eps} onChange={(event) => setEps(event.target.value)} />
          </Field>
          <Field label="Risk of missing that (alpha)" hint="How often the bound may fail" error={good(alpha) ? undefined : 'Between 0 and 0.2'}>
            <Input inputMode="decimal" value={alpha} onChange={(event) => setAlpha(event.target.value)} />
          </Field>
        </div>
        <Trouble error={start.error} />
        <div className="flex items-center gap-2">
          <button
            type="button"
            className="text-xs text-ink-2 hover:text-ink"
            onClick={() => {
              sessionStorage.setItem(SENT, JSON.stringify(ids))
              close()
              void navigate({ to: '/w/$workspace/review', params: { workspace }, search: { new: '1' } } as never)
            }}
          >
            Boxes, masks or several answers an image instead
          </button>
          <span className="grow" />
          <Button onClick={close}>Cancel</Button>
          <Button look="primary" type="submit" needs="dataset.write" busy={start.isPending} disabled={!chosen || !good(eps) || !good(alpha) || !ids.length}>
            Send to review
          </Button>
        </div>
      </form>
    </Dialog>
  )
}

/** Freezes the samples as the next version of a dataset. */
export function NewVersion({ ids, view, whole, close }: { ids: string[]; view: View; whole: boolean; close: () => void }) {
  const { workspace, dataset, search } = useAddress()
  const navigate = useNavigate()
  const cache = useQueryClient()
  const datasets = useQuery(datasetsQuery())
  const schemas = useQuery({ ...schemasQuery(), select: (data) => data.items })
  const [into, setInto] = useState(dataset ?? '')
  const [fresh, setFresh] = useState('')
  const [schema, setSchema] = useState('')
  const [train, setTrain] = useState('0.8')
  const [val, setVal] = useState('0.1')
  const [split, setSplit] = useState('train')
  const [note, setNote] = useState('')
  const target = into || datasets.data?.items[0]?.name || 'new'
  const where = whole && !dataset && !search.q && !search.set && !search.like ? whereOf(view.sheet, view.filters) : null
  const test = Math.round((1 - Number(train) - Number(val)) * 1000) / 1000
  const make = useMutation({
    mutationFn: async () => {
      const name = target === 'new' ? fresh.trim() : target
      // A second try finds the dataset that the first has made.
      const exists = (problem: unknown) => {
        if (!(problem instanceof Problem && problem.status === 409)) throw problem
      }
      if (target === 'new') await api.POST('/api/v1/datasets', { body: { name, schema: schema || schemas.data?.[0]?.name } as never }).catch(exists)
      const splits = Object.fromEntries(Object.entries({ train: Number(train), val: Number(val), test }).filter(([, share]) => share > 0))
      const body = where ? { where, splits, note } : { add: Object.fromEntries(ids.map((id) => [id, split])), note }
      const { data } = (await api.POST('/api/v1/datasets/{name}/versions', { params: { path: { name } }, body: body as never })) as { data?: { number: number } }
      return { name, number: data!.number }
    },
    onSuccess: ({ name, number }) => {
      void cache.invalidateQueries()
      close()
      undo.say(`${name} v${number} is frozen`)
      void navigate({ to: '/w/$workspace/datasets/$dataset', params: { workspace, dataset: name }, search: { v: String(number) } })
    },
  })
  return (
    <Dialog open onOpenChange={close} title={`New version from ${count(ids.length)} samples`} description="What the newest version holds stays in it; these are added with the labels of now.">
      <form
        className="flex flex-col gap-3"
        onSubmit={(event) => {
          event.preventDefault()
          make.mutate()
        }}
      >
        <div className="flex flex-col gap-1">
          <span className="text-xs text-ink-2">Dataset</span>
          <Select label="Dataset" value={target} onChange={setInto} options={[...(datasets.data?.items ?? []).map((one) => ({ value: one.name, label: one.name })), { value: 'new', label: 'A new dataset' }]} />
        </div>
        {target === 'new' && (
          <div className="grid grid-cols-2 gap-3">
            <Field label="Its name">
              <Input value={fresh} onChange={(event) => setFresh(event.target.value)} required />
            </Field>
            <div className="flex flex-col gap-1">
              <span className="text-xs text-ink-2">Label schema</span>
              <Select label="Label schema" value={schema || schemas.data?.[0]?.name || ''} onChange={setSchema} options={(schemas.data ?? []).map((one) => ({ value: one.name, label: one.name }))} />
            </div>
          </div>
        )}
        {where ? (
          <div className="grid grid-cols-3 gap-3">
            <Field label="train" hint="Near-duplicates stay together">
              <Input inputMode="decimal" value={train} onChange={(event) => setTrain(event.target.value)} />
            </Field>
            <Field label="val">
              <Input inputMode="decimal" value={val} onChange={(event) => setVal(event.target.value)} />
            </Field>
            <Field label="test" hint="The rest" error={test < 0 ? 'More than all' : undefined}>
              <Input value={Number.isNaN(test) ? '' : String(test)} readOnly />
            </Field>
          </div>
        ) : (
          <Field label="Split" hint="A choice of single samples goes into one split">
            <Input value={split} onChange={(event) => setSplit(event.target.value)} required />
          </Field>
        )}
        <Field label="Note">
          <Input value={note} onChange={(event) => setNote(event.target.value)} placeholder="Why this version is made" />
        </Field>
        <Trouble error={make.error} />
        <div className="flex justify-end gap-2">
          <Button onClick={close}>Cancel</Button>
          <Button look="primary" type="submit" needs="dataset.write" busy={make.isPending} disabled={!ids.length || (where !== null && !(test >= 0)) || (target === 'new' && !fresh.trim())}>
            Freeze the version
          </Button>
        </div>
      </form>
    </Dialog>
  )
}

/** The label formats that the server knows, plugins included. */
const formatsQuery = () => asked(['label-formats'], () => api.GET('/api/v1/label-formats'))

/** Downloads a version as an archive. */
export function Export({ version, close }: { version: string; close: () => void }) {
  const [format, setFormat] = useState('coco')
  const formats = useQuery({ ...formatsQuery(), select: (data) => data.items })
  const options = formats.data?.map((one) => ({ value: one.name, label: one.title, hint: one.keeps }))
  const fetched = useMutation({
    mutationFn: async () => (await request(`/api/v1/dataset-versions/${encodeURIComponent(version)}/export?format=${format}`)).blob(),
    onSuccess: (archive) => {
      save(archive, `${version.replace('@', '-v')}-${format}.zip`)
      close()
    },
  })
  return (
    <Dialog open onOpenChange={close} title={`Export ${version}`} description="The pictures and labels of the whole version, as one archive.">
      <div className="flex flex-col gap-3">
        <Select label="Format" value={format} onChange={setFormat} options={options ?? [{ value: 'coco', label: 'COCO' }]} />
        <Trouble error={formats.error} />
        <Trouble error={fetched.error} />
        <div className="flex justify-end gap-2">
          <Button onClick={close}>Cancel</Button>
          <Button look="primary" needs="media.read" busy={fetched.isPending} onClick={() => fetched.mutate()}>
            Export
          </Button>
        </div>
      </div>
    </Dialog>
  )
}

/** Downloads what a page holds under a name. */
export function save(content: Blob, name: string): void {
  const url = URL.createObjectURL(content)
  const link = document.createElement('a')
  link.href = url
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(url), 10_000)
}

/** What went wrong with a verb, in the place of the verb. */
export function Trouble({ error }: { error: unknown }) {
  if (!error) return null
  const problem = error instanceof Problem ? error : null
  return (
    <p role="alert" className="text-xs text-crit">
      {problem ? `${problem.message} ${problem.hint}` : 'That did not work.'}
    </p>
  )
}
