import { useVirtualizer } from '@tanstack/react-virtual'
import { useEffect, useRef } from 'react'
import { suggested, trackOf, type Labelled } from '@/canvas/document'
import type { Engine } from '@/canvas/engine'
import { corrected } from '@/canvas/tools'
import { cx } from '@/ui/classes'
import { count, decimal } from '@/ui/format'
import { Input } from '@/ui/field'
import { Swatch } from '@/ui/marks'
import { Checkbox, Select } from '@/ui/select'
import { colourOf, digitOf, type Attribute, type Schema } from './data'
import { initials } from './saving'
import { useEngine } from './stage'

/** The classes with their keys, always in sight. */
export function Classes({ engine, schema }: { engine: Engine; schema: Schema }) {
  useEngine(engine)
  const now = engine.chosen()?.label ?? engine.label
  return (
    <section aria-label="Classes" tabIndex={schema.classes.length > 12 ? 0 : undefined} className="max-h-[38%] shrink-0 overflow-y-auto border-b border-line p-2">
      {schema.classes.map((label, index) => (
        <button key={label} type="button" aria-pressed={now === label} disabled={!engine.editable} onClick={() => engine.setLabel(label)} className={cx('flex h-6 w-full items-center gap-2 rounded-sm px-1.5 text-xs', now === label ? 'bg-sel-bg' : engine.editable && 'hover:bg-raised')}>
          {digitOf(index) ? <kbd>{digitOf(index)}</kbd> : <span className="w-[17px]" />}
          <Swatch colour={colourOf(schema, label)} />
          <span className="truncate">{label}</span>
        </button>
      ))}
    </section>
  )
}

/** Every object of the image; only the rows in sight exist. */
export function Objects({ engine, schema }: { engine: Engine; schema: Schema }) {
  useEngine(engine)
  const frame = useRef<HTMLDivElement>(null)
  const all = [...engine.document.objects.values()]
  const open = all.filter(suggested).length
  const virtual = useVirtualizer({ count: all.length, getScrollElement: () => frame.current, estimateSize: () => 24, overscan: 10 })
  const at = all.findIndex((one) => one.id === engine.selected)
  useEffect(() => {
    if (at >= 0 && engine.selected !== '') virtual.scrollToIndex(at)
  }, [at, engine.selected, virtual])
  return (
    <section aria-label="Objects" className="flex min-h-0 grow flex-col">
      <h2 className="num flex h-8 shrink-0 items-center gap-2 px-3 text-xs font-semibold">
        {count(all.length)} {all.length === 1 ? 'object' : 'objects'}
        {open > 0 && <span className="ml-auto font-normal text-machine">{count(open)} proposed</span>}
      </h2>
      <div ref={frame} tabIndex={0} aria-label="List of objects" role="group" className="min-h-24 grow overflow-y-auto px-2">
        <div className="relative" style={{ height: virtual.getTotalSize() }}>
          {virtual.getVirtualItems().map((item) => {
            const one = all[item.index]!
            return <Row key={one.id} one={one} you={engine.actor} chosen={one.id !== '' && one.id === engine.selected} colour={colourOf(schema, one.label)} top={item.start} onClick={() => engine.select(one.id, true)} />
          })}
        </div>
      </div>
    </section>
  )
}

const WORDS: Record<Labelled['geometry_type'], string> = { class: 'whole image', box: '', rotated_box: 'rotated', polygon: 'polygon', polyline: 'line', mask: 'mask', keypoints: 'keypoints', cuboid: 'cuboid' }

function Row({ one, you, chosen, colour, top, onClick }: { one: Labelled; you: string; chosen: boolean; colour: string; top: number; onClick: () => void }) {
  const machine = suggested(one)
  return (
    <button type="button" tabIndex={-1} aria-pressed={chosen} onClick={onClick} className={cx('absolute inset-x-0 flex h-6 items-center gap-2 rounded-sm px-1.5 text-left text-xs', chosen ? 'bg-sel-bg' : 'hover:bg-raised')} style={{ transform: `translateY(${top}px)` }}>
      <Swatch colour={colour} />
      <span className="truncate">{one.label}</span>
      <span className="num text-2xs text-ink-2">
        {WORDS[one.geometry_type]}
        {trackOf(one) !== null && ` #${trackOf(one)}`}
      </span>
      <span className={cx('num ml-auto', machine ? 'text-machine' : 'text-2xs text-ink-2')}>{machine ? decimal(one.score, 2) : one.author === you ? 'you' : initials(one.author)}</span>
    </button>
  )
}

/** What else the schema asks about the chosen object. */
export function Attributes({ engine, schema }: { engine: Engine; schema: Schema }) {
  useEngine(engine)
  const one = engine.chosen()
  const asked = Object.entries(schema.attributes ?? {})
  if (!one || !asked.length) return null
  const set = (name: string, value: unknown): void => engine.document.put(corrected(one, { attributes: { ...one.attributes, [name]: value } }), `Set ${name}`)
  return (
    <section aria-label="Attributes" className="flex shrink-0 flex-col gap-2 border-t border-line p-3" key={one.id}>
      <h2 className="text-xs font-semibold">{one.label}</h2>
      {asked.map(([name, attribute]) => (
        <div key={name} className="flex min-h-7 items-center gap-2 text-xs">
          <span className="w-24 shrink-0 truncate text-ink-2">{name}</span>
          <Value name={name} attribute={attribute} value={one.attributes[name]} disabled={!engine.editable} set={(value) => set(name, value)} />
        </div>
      ))}
    </section>
  )
}

function Value({ name, attribute, value, disabled, set }: { name: string; attribute: Attribute; value: unknown; disabled: boolean; set: (value: unknown) => void }) {
  if (attribute.type === 'bool') return <Checkbox checked={value === true} disabled={disabled} onChange={set}><span className="sr-only">{name}</span></Checkbox>
  if (attribute.type === 'choice' && !disabled) return <Select label={name} value={typeof value === 'string' ? value : ''} onChange={set} options={(attribute.choices ?? []).map((choice) => ({ value: choice, label: choice }))} className="min-w-0 grow" />
  const keep = (text: string): void => {
    const next = attribute.type === 'number' ? Number(text) : text
    if (text !== '' && next !== value && !Number.isNaN(next)) set(next)
  }
  return (
    <Input
      aria-label={name}
      disabled={disabled}
      type={attribute.type === 'number' ? 'number' : 'text'}
      step="any"
      defaultValue={value === undefined || value === null ? '' : String(value)}
      onBlur={(event) => keep(event.target.value)}
      onKeyDown={(event) => event.key === 'Enter' && event.currentTarget.blur()}
      className="min-w-0 grow"
    />
  )
}
