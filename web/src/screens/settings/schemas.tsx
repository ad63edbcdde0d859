import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Plus, X } from 'lucide-react'
import { useState } from 'react'
import { asked, request } from '@/api/client'
import { Wrong } from '@/screens/deployments/deploy'
import { Button } from '@/ui/button'
import { cx } from '@/ui/classes'
import { Field, Input, TextArea } from '@/ui/field'
import { hue } from '@/ui/marks'
import { Checkbox, Select } from '@/ui/select'
import { Loaded } from '@/ui/states'
import { changes, draftOf, edgesOf, edgesText, EMPTY, fault, GEOMETRIES, type Attribute, type Draft } from './schema-draft'
import { newId } from '@/api/new-id'

type Schema = Parameters<typeof draftOf>[0] & { id: string; version: number }

/** Label schemas: classes with colours, geometry, attributes and skeleton; a save makes the next version. */
export function Schemas() {
  const schemas = useQuery(asked(['schemas'], async (signal) => ({ data: ((await (await request('/api/v1/schemas', { signal })).json()) as { items: Schema[] }).items })))
  const [chosen, setChosen] = useState<string | null>(null)
  return (
    <Loaded query={schemas} what="Schemas">
      {(all) => {
        const one = chosen === '' ? null : (all.find((schema) => schema.name === chosen) ?? all[0] ?? null)
        return (
          <div className="flex min-h-full gap-6">
            <nav aria-label="Schemas" className="w-44 shrink-0">
              {all.map((schema) => (
                <button key={schema.id} type="button" aria-current={one?.id === schema.id || undefined} onClick={() => setChosen(schema.name)} className={cx('flex h-7 w-full items-center rounded-md px-2 text-left', one?.id === schema.id ? 'bg-sel-bg' : 'hover:bg-surface')}>
                  <span className="truncate">{schema.name}</span>
                  <span className="num ml-auto text-2xs text-ink-2">v{schema.version}</span>
                </button>
              ))}
              <Button look="quiet" needs="dataset.write" icon={<Plus size={13} />} onClick={() => setChosen('')} className="mt-1">New schema</Button>
            </nav>
            <Editor key={one ? one.id + one.version : 'new'} schema={one} onSaved={setChosen} />
          </div>
        )
      }}
    </Loaded>
  )
}

function Editor({ schema, onSaved }: { schema: Schema | null; onSaved: (name: string) => void }) {
  const cache = useQueryClient()
  const before = schema ? draftOf(schema) : EMPTY
  const [draft, setDraft] = useState<Draft>(before)
  const [edges, setEdges] = useState(edgesText(before.skeleton))
  const set = (part: Partial<Draft>) => setDraft((old) => ({ ...old, ...part }))
  const after: Draft = { ...draft, name: draft.name.trim(), classes: draft.classes.map((name) => name.trim()), skeleton: { points: draft.skeleton.points, edges: edgesOf(edges, draft.skeleton.points) } }
  const wrong = fault(after)
  const { lines, version } = changes(before, after)
  const save = useMutation({
    mutationFn: () => {
      const { skeleton, ...rest } = after
      const colours = Object.fromEntries(Object.entries(rest.colours).filter(([name]) => rest.classes.includes(name)))
      return request('/api/v1/schemas', { method: 'POST', headers: { 'Content-Type': 'application/json', 'Idempotency-Key': newId() }, body: JSON.stringify({ ...rest, colours, ...(skeleton.points.length ? { skeleton } : {}) }) })
    },
    onSuccess: () => (void cache.invalidateQueries(), onSaved(after.name)),
  })
  return (
    <form className="flex min-w-0 grow flex-col gap-4" onSubmit={(event) => (event.preventDefault(), !wrong && lines.length > 0 && save.mutate())}>
      {!schema && <Field label="Name"><Input value={draft.name} autoFocus required onChange={(event) => set({ name: event.target.value })} className="w-64" /></Field>}
      <fieldset>
        <legend className="mb-1 text-xs text-ink-2">Classes; their number is their key in the review</legend>
        <div className="flex flex-col gap-1">
          {draft.classes.map((name, at) => (
            <div key={at} className="flex items-center gap-2">
              <kbd>{at < 9 ? at + 1 : at === 9 ? 0 : '·'}</kbd>
              <input type="color" aria-label={`Colour of ${name || `class ${at + 1}`}`} value={hue(at, draft.colours[name]).toLowerCase()} onChange={(event) => set({ colours: { ...draft.colours, [name]: event.target.value } })} className="size-6 cursor-pointer rounded-sm border border-line-strong bg-transparent p-0.5" />
              <Input aria-label={`Class ${at + 1}`} value={name} onChange={(event) => set({ classes: draft.classes.with(at, event.target.value), colours: renamed(draft.colours, name, event.target.value) })} className="w-56" />
              <Button look="quiet" small icon={<X size={13} />} aria-label={`Remove ${name}`} onClick={() => set({ classes: draft.classes.toSpliced(at, 1) })} />
            </div>
          ))}
          <span><Button small icon={<Plus size={12} />} onClick={() => set({ classes: [...draft.classes, ''] })}>Class</Button></span>
        </div>
      </fieldset>
      <fieldset>
        <legend className="mb-1 text-xs text-ink-2">Geometry</legend>
        <div className="flex flex-wrap gap-x-4 gap-y-1">
          {GEOMETRIES.map((type) => <Checkbox key={type} checked={draft.geometry_types.includes(type)} onChange={(on) => set({ geometry_types: on ? [...draft.geometry_types, type] : draft.geometry_types.filter((one) => one !== type) })}>{type.replaceAll('_', ' ')}</Checkbox>)}
        </div>
      </fieldset>
      {draft.geometry_types.includes('keypoints') && (
        <div className="grid grid-cols-2 gap-4">
          <Field label="Points of the skeleton, one a line"><TextArea value={draft.skeleton.points.join('\n')} onChange={(event) => set({ skeleton: { ...draft.skeleton, points: event.target.value.split('\n').map((point) => point.trim()).filter((point, at, all) => point || at === all.length - 1) } })} /></Field>
          <Field label="Edges, one a line: head-neck"><TextArea value={edges} onChange={(event) => setEdges(event.target.value)} /></Field>
        </div>
      )}
      <Attributes attributes={draft.attributes} onChange={(attributes) => set({ attributes })} />
      <Wrong error={save.error} />
      <div className="sticky bottom-0 mt-auto flex items-center gap-4 border-t border-line bg-raised py-3">
        <div className="min-w-0 text-xs" role="status">
          {wrong && lines.length > 0 ? <span className="text-warn">{wrong}</span> : lines.length > 0 ? <span><span className="text-ink-2">{!schema ? 'A new schema: ' : version ? `Makes version ${schema.version + 1}: ` : 'The same version: '}</span>{lines.join('; ')}</span> : <span className="text-ink-3">Nothing changed</span>}
        </div>
        <span className="ml-auto"><Button look="primary" type="submit" needs="dataset.write" disabled={Boolean(wrong) || lines.length === 0} busy={save.isPending}>Save</Button></span>
      </div>
    </form>
  )
}

const renamed = (colours: Record<string, string>, from: string, to: string): Record<string, string> => Object.fromEntries(Object.entries(colours).map(([name, colour]) => [name === from ? to : name, colour]))

const KINDS = [{ value: 'bool', label: 'yes or no' }, { value: 'number', label: 'number' }, { value: 'text', label: 'text' }, { value: 'choice', label: 'choice' }] as const

function Attributes({ attributes, onChange }: { attributes: Record<string, Attribute>; onChange: (attributes: Record<string, Attribute>) => void }) {
  const [name, setName] = useState('')
  const put = (key: string, value: Attribute) => onChange({ ...attributes, [key]: value })
  return (
    <fieldset>
      <legend className="mb-1 text-xs text-ink-2">Attributes of an object</legend>
      <div className="flex flex-col gap-1">
        {Object.entries(attributes).map(([key, one]) => (
          <div key={key} className="flex items-center gap-2">
            <span className="w-40 truncate">{key}</span>
            <Select label={`Type of ${key}`} value={one.type} onChange={(type) => put(key, { type, ...(type === 'choice' ? { choices: one.choices ?? [] } : {}) })} options={KINDS} />
            {one.type === 'choice' && <Input aria-label={`Choices of ${key}`} placeholder="one, another" defaultValue={one.choices?.join(', ')} onChange={(event) => put(key, { type: 'choice', choices: event.target.value.split(',').map((choice) => choice.trim()).filter(Boolean) })} className="w-64" />}
            <Button look="quiet" small icon={<X size={13} />} aria-label={`Remove ${key}`} onClick={() => onChange(Object.fromEntries(Object.entries(attributes).filter(([other]) => other !== key)))} />
          </div>
        ))}
        <div className="flex gap-2">
          <Input aria-label="Name of a new attribute" value={name} onChange={(event) => setName(event.target.value)} placeholder="occluded" className="w-40" />
          <Button small disabled={!name.trim() || name.trim() in attributes} icon={<Plus size={12} />} onClick={() => (put(name.trim(), { type: 'bool' }), setName(''))}>Attribute</Button>
        </div>
      </div>
    </fieldset>
  )
}
