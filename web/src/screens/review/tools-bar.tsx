import { Box, BoxSelect, Brush, Eraser, MousePointer2, Pentagon, PersonStanding, RectangleHorizontal, Spline } from 'lucide-react'
import { useEffect } from 'react'
import type { Engine, ToolName } from '@/canvas/engine'
import type { Labelled } from '@/canvas/document'
import type { Kind } from '@/canvas/shapes'
import { bindKeys, type Bindings } from '@/shell/keys'
import { cx } from '@/ui/classes'
import { Tip } from '@/ui/tip'
import { useEngine } from './stage'
import { digitOf, type Schema } from './data'

const TOOLS: { name: ToolName; label: string; key: string; icon: typeof Brush }[] = [
  { name: 'select', label: 'Select and change', key: 'v', icon: MousePointer2 },
  { name: 'box', label: 'Box', key: 'b', icon: RectangleHorizontal },
  { name: 'rotated_box', label: 'Rotated box', key: 'Shift+b', icon: BoxSelect },
  { name: 'polygon', label: 'Polygon', key: 'p', icon: Pentagon },
  { name: 'polyline', label: 'Line', key: 'l', icon: Spline },
  { name: 'mask', label: 'Brush', key: 'm', icon: Brush },
  { name: 'keypoints', label: 'Keypoints', key: 'k', icon: PersonStanding },
  { name: 'cuboid', label: 'Cuboid: its side along the heading first', key: 'c', icon: Box },
]
const allowed = (kinds: readonly Kind[]) => TOOLS.filter((one) => one.name === 'select' || kinds.includes(one.name as Kind))

/** The tools that the schema allows, with what the brush and the skeleton need beside them. */
export function ToolsBar({ engine, schema }: { engine: Engine; schema: Schema }) {
  useEngine(engine)
  const joint = engine.draft?.geometry_type === 'keypoints' ? engine.draft.geometry.points.length : 0
  const names = schema.skeleton?.points ?? []
  return (
    <div className="absolute left-3 top-3 flex flex-col items-start gap-2">
      <div role="toolbar" aria-label="Tools" className="flex flex-col gap-px max-md:flex-row rounded-md border border-line-strong bg-surface p-1">
        {allowed(schema.geometry_types).map(({ name, label, key, icon: Icon }) => (
          <Tip key={name} side="right" text={`${label} (${key.length === 1 ? key.toUpperCase() : key.replace('+b', ' B')})`}>
            <button type="button" aria-label={label} aria-pressed={engine.tool === name} onClick={() => engine.setTool(name)} className={cx('grid size-7 place-items-center rounded-sm', engine.tool === name ? 'bg-ink text-bg' : 'text-ink-2 hover:bg-raised hover:text-ink')}>
              <Icon size={15} strokeWidth={1.7} aria-hidden />
            </button>
          </Tip>
        ))}
      </div>
      {engine.tool === 'mask' && (
        <div className="flex items-center gap-2 rounded-md border border-line-strong bg-surface px-2 py-1 text-xs text-ink-2">
          <label className="flex items-center gap-2">
            Brush
            <input type="range" min={1} max={200} value={Math.round(engine.brush_px)} onChange={(event) => ((engine.brush_px = Number(event.target.value)), engine.tell())} className="w-24 accent-(--ink)" />
          </label>
          <span className="num w-10 text-right">{Math.round(engine.brush_px)} px</span>
          <button type="button" aria-label="Wipe" aria-pressed={engine.wiping} onClick={() => ((engine.wiping = !engine.wiping), engine.tell())} className={cx('grid size-6 place-items-center rounded-sm', engine.wiping ? 'bg-ink text-bg' : 'hover:bg-raised')}>
            <Eraser size={14} aria-hidden />
          </button>
        </div>
      )}
      {engine.tool === 'keypoints' && names.length > 0 && (
        <div className="rounded-md border border-line-strong bg-surface px-2 py-1 text-xs text-ink-2">
          Place <span className="font-medium text-ink">{names[joint] ?? names[0]}</span> <span className="num">({Math.min(joint + 1, names.length)} of {names.length})</span>, Alt where it is hidden, <kbd>Enter</kbd> leaves the rest out
        </div>
      )}
    </div>
  )
}

/** The keys of the canvas: tools, classes, objects. `previous` gives the objects of the image before. */
export function useCanvasKeys(engine: Engine | null, schema: Schema, previous: () => readonly Labelled[]): void {
  useEffect(() => {
    if (!engine) return
    const editable = (): boolean => engine.editable
    const onPage = (): boolean => !(document.activeElement instanceof HTMLElement) || document.activeElement === document.body || engine.host.contains(document.activeElement)
    const Object_ = 'Objects'
    const keys: Bindings = {
      Tab: { label: 'Next object, in sight', group: Object_, run: () => engine.step(1), enabled: onPage },
      'Shift+Tab': { label: 'Previous object', group: Object_, run: () => engine.step(-1), enabled: onPage },
      a: { label: 'Accept the proposal', group: Object_, run: () => engine.accept(), enabled: editable },
      'Shift+a': { label: 'Accept every proposal', group: Object_, run: () => engine.accept(true), enabled: editable },
      Enter: { label: 'End the shape, or accept', group: Object_, run: () => void (engine.finish() || (editable() && engine.accept())), enabled: editable },
      x: { label: 'Reject or remove', group: Object_, run: () => engine.discard(), enabled: editable },
      Delete: { label: 'Reject or remove', group: Object_, hidden: true, run: () => engine.discard(), enabled: editable },
      Backspace: { label: 'Last vertex back, or remove', group: Object_, run: () => void (engine.back() || engine.discard()), enabled: editable },
      Escape: { label: 'Leave the shape, then the tool', group: Object_, run: () => void (engine.cancel() || (engine.tool !== 'select' ? engine.setTool('select') : engine.select(''))) },
      h: { label: 'Hide or show all objects', group: 'View', run: () => engine.toggleHidden() },
      d: { label: "Repeat the previous image's objects", group: Object_, run: () => engine.document.repeat(previous(), engine.actor), enabled: editable },
      e: { label: 'Brush wipes', group: 'Tools', run: () => ((engine.wiping = !engine.wiping), engine.tell()), enabled: () => engine.tool === 'mask' },
      'Ctrl+Shift+z': { label: 'Redo', group: 'Everywhere', run: () => void engine.document.redo(), enabled: editable },
      'Ctrl+y': { label: 'Redo', hidden: true, run: () => void engine.document.redo(), enabled: editable },
    }
    for (const [key, dx, dy] of [['ArrowLeft', -1, 0], ['ArrowRight', 1, 0], ['ArrowUp', 0, -1], ['ArrowDown', 0, 1]] as const) {
      keys[key] = { label: 'Nudge by 1 px, or pan', group: Object_, hidden: key !== 'ArrowLeft', run: () => engine.nudge(dx, dy), enabled: onPage }
      keys[`Shift+${key}`] = { label: 'Nudge by 10 px', group: Object_, hidden: key !== 'ArrowLeft', run: () => engine.nudge(10 * dx, 10 * dy), enabled: onPage }
    }
    for (const { name, label, key } of allowed(schema.geometry_types)) keys[key] = { label, group: 'Tools', run: () => engine.setTool(name), enabled: editable }
    schema.classes.slice(0, 10).forEach((label, index) => (keys[digitOf(index)] = { label, group: 'Class', run: () => engine.setLabel(label), enabled: editable }))
    return bindKeys(keys)
  }, [engine, schema, previous])
}
