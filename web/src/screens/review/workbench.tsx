import { useCallback, useEffect, useMemo, useRef, useState, type ReactNode } from 'react'
import type { Document, Labelled } from '@/canvas/document'
import type { Engine, Ghost, ToolName } from '@/canvas/engine'
import { tallness, type Ground } from '@/canvas/plan'
import { TOOLS } from '@/canvas/tools'
import { useSession } from '@/shell/session'
import { CuboidFields, useCuboidKeys } from './cuboid-fields'
import { colourOf, type Schema } from './data'
import { Attributes, Classes, Objects } from './panels'
import type { Picture } from './pictures'
import { Stage, useViewKeys } from './stage'
import { ToolsBar, useCanvasKeys } from './tools-bar'

type Props = {
  shown: { picture: Picture; document: Document } | null
  schema: Schema
  editable: boolean
  ghosts?: readonly Ghost[]
  /** The object that an address names. */
  select?: string
  /** The tool that an empty image begins with. */
  first?: string
  /** Above the classes, and below the objects. */
  above?: ReactNode
  below?: ReactNode
  over?: ReactNode
  /** What follows the objects while they change, over the image. */
  live?: (engine: Engine, ground: Ground) => ReactNode
}

const NONE: readonly Ghost[] = []

/** The image with its objects, its tools, and the panels beside it. */
export function Workbench({ shown, schema: whole, editable, ghosts = NONE, select, first, above, below, over, live }: Props) {
  const session = useSession()
  const [engine, setEngine] = useState<Engine | null>(null)
  const before = useRef<readonly Labelled[]>([])
  const previous = useCallback(() => before.current, [])
  const ground = shown?.picture.ground
  // Cuboids are drawn from above, all else on images.
  const schema = useMemo(() => ({ ...whole, geometry_types: whole.geometry_types.filter((one) => one === 'class' || (one === 'cuboid') === !!ground) }), [whole, ground])
  useViewKeys(engine)
  useCanvasKeys(engine, schema, previous)
  useCuboidKeys(engine, ground)

  useEffect(() => {
    if (!engine) return
    engine.colour = (label) => colourOf(schema, label)
    engine.edges = schema.skeleton?.edges ?? []
    engine.joints = schema.skeleton?.points?.length ?? 0
    engine.actor = session.actor
    if (!schema.classes.includes(engine.label)) engine.label = schema.classes[0] ?? ''
    engine.wholeImage = whole.geometry_types.every((one) => one === 'class')
    engine.editable = editable
    if (!editable && engine.tool !== 'select') engine.setTool('select')
    engine.repaint()
    engine.tell()
  }, [engine, schema, whole, editable, session.actor])

  useEffect(() => {
    if (!engine || !shown) return
    engine.show(shown.picture.image, shown.document)
    const { ground: from } = shown.picture
    if (from) engine.tallness = (box) => tallness(box, from)
    if (select && shown.document.objects.has(select)) engine.select(select, true)
    if (engine.editable && first && first in TOOLS && !shown.document.objects.size && engine.tool === 'select') engine.setTool(first as ToolName)
    return () => void (before.current = [...shown.document.objects.values()])
  }, [engine, shown, select, first])

  useEffect(() => {
    if (!engine) return
    engine.ghosts = ghosts
    engine.repaint()
  }, [engine, ghosts, shown])

  return (
    <div className="grid h-full grid-cols-[minmax(0,1fr)_280px] max-md:grid-cols-1 max-md:grid-rows-[minmax(0,1fr)_minmax(0,1fr)]">
      <div className="relative min-h-0">
        <Stage onEngine={setEngine} label="The image and its objects" className={shown ? '' : 'invisible'} />
        {engine && editable && shown && <ToolsBar engine={engine} schema={schema} />}
        {over}
        {engine && shown && ground && live?.(engine, ground)}
      </div>
      <aside aria-label="Panels" className="flex min-h-0 flex-col border-l border-line">
        {above}
        {engine && shown && (
          <>
            {editable && <Classes engine={engine} schema={schema} />}
            <Objects engine={engine} schema={schema} />
            {ground && <CuboidFields engine={engine} ground={ground} />}
            <Attributes engine={engine} schema={schema} />
          </>
        )}
        {below}
      </aside>
    </div>
  )
}
