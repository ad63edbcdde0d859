import { useEffect } from 'react'
import type { Engine } from '@/canvas/engine'
import { planOf, solidOf, tallness, type Ground, type Planned, type Solid } from '@/canvas/plan'
import { corrected } from '@/canvas/tools'
import type { Labelled } from '@/canvas/document'
import { bindKeys, type Bindings } from '@/shell/keys'
import { Input } from '@/ui/field'
import { useEngine } from './stage'

const TURN_DEG = 2
const RAISE_M = 0.1

/** The chosen cuboid with other values of the picture from above. */
function change(engine: Engine, values: (one: Planned) => Partial<Planned>, name: string): void {
  const one = engine.chosen()
  if (one?.geometry_type !== 'cuboid' || !engine.editable) return
  engine.document.put(corrected(one, { geometry: { ...one.geometry, ...values(one.geometry) } } as Partial<Labelled>), `${name} ${one.label}`)
}

/** The keys that turn and raise the chosen cuboid, beside those that move any object. */
export function useCuboidKeys(engine: Engine | null, ground: Ground | undefined): void {
  useEffect(() => {
    if (!engine || !ground) return
    const turn = (by: number) => () => change(engine, (one) => ({ angle_deg: ((one.angle_deg + by + 540) % 360) - 180 }), 'Turned')
    const raise = (by: number) => () => change(engine, (one) => ({ z: one.z + by }), 'Raised')
    const keys: Bindings = {
      'Alt+ArrowLeft': { label: 'Turn left by 2 degrees', group: 'Cuboid', run: turn(-TURN_DEG) },
      'Alt+ArrowRight': { label: 'Turn right by 2 degrees', group: 'Cuboid', run: turn(TURN_DEG) },
      'Alt+ArrowUp': { label: 'Raise by 0.1 m', group: 'Cuboid', run: raise(RAISE_M) },
      'Alt+ArrowDown': { label: 'Lower by 0.1 m', group: 'Cuboid', run: raise(-RAISE_M) },
      y: { label: 'Turn it round', group: 'Cuboid', run: turn(180) },
      t: { label: 'As tall as its points', group: 'Cuboid', run: () => change(engine, (one) => tallness(one, ground), 'Fitted') },
    }
    return bindKeys(keys)
  }, [engine, ground])
}

const FIELDS: readonly [keyof Solid, string, string][] = [
  ['x', 'x', 'm'],
  ['y', 'y', 'm'],
  ['z', 'z', 'm'],
  ['length', 'Length', 'm'],
  ['width', 'Width', 'm'],
  ['height', 'Height', 'm'],
  ['yaw', 'Heading', '°'],
]
const DEGREE = Math.PI / 180

/** Place, sizes and heading of the chosen cuboid in numbers. */
export function CuboidFields({ engine, ground }: { engine: Engine; ground: Ground }) {
  useEngine(engine)
  const one = engine.chosen()
  if (one?.geometry_type !== 'cuboid') return null
  const solid = solidOf(one.geometry, ground)
  const keep = (name: keyof Solid, text: string): void => {
    const value = Number(text) * (name === 'yaw' ? DEGREE : 1)
    const sized = name === 'length' || name === 'width' || name === 'height'
    if (text === '' || !Number.isFinite(value) || (sized && value <= 0)) return
    if (Math.abs(value - solid[name]) > 5e-4) change(engine, () => planOf({ ...solid, [name]: value }, ground), 'Changed')
  }
  return (
    <section aria-label="Cuboid" className="num grid shrink-0 grid-cols-3 gap-2 border-t border-line p-3 text-xs">
      {FIELDS.map(([name, spoken, unit]) => {
        const value = (name === 'yaw' ? solid.yaw / DEGREE : solid[name]).toFixed(name === 'yaw' ? 1 : 2)
        return (
          <label key={name} className="flex min-w-0 flex-col gap-0.5 text-2xs text-ink-2">
            {spoken} ({unit})
            <Input key={`${one.id} ${value}`} type="number" step={name === 'yaw' ? 1 : 0.05} disabled={!engine.editable} defaultValue={value} onBlur={(event) => keep(name, event.target.value)} onKeyDown={(event) => event.key === 'Enter' && event.currentTarget.blur()} className="h-6 min-w-0 text-xs" />
          </label>
        )
      })}
    </section>
  )
}
