import { useCallback, useEffect, useRef, useState, type ReactNode } from 'react'
import type { Document, Labelled } from '@/canvas/document'
import type { Engine, Ghost, ToolName } from '@/canvas/engine'
import { TOOLS } from '@/canvas/tools'
import { useSession } from '@/shell/session'
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
}

const NONE: readonly Ghost[] = []

/** The image with its objects, its tools, and the panels beside it. */
export function Workbench({ shown, schema, editable, ghosts = NONE, select, first, above, below, over }: Props) {
  const session = useSession()
  const [engine, setEngine] = useState<Engine | null>(null)
  const before = useRef<readonly Labelled[]>([])
  const previous = useCallback(() => before.current, [])
  useViewKeys(engine)
  useCanvasKeys(engine, schema, previous)

  useEffect(() => {
    if (!engine) return
    engine.colour = (label) => colourOf(schema, label)
    engine.edges = schema.skeleton?.edges ?? []
    engine.joints = schema.skeleton?.points?.length ?? 0
    engine.actor = session.actor
    if (!schema.classes.includes(engine.label)) engine.label = schema.classes[0] ?? ''
    engine.wholeImage = schema.geometry_types.every((one) => one === 'class')
    engine.editable = editable
    if (!editable && engine.tool !== 'select') engine.setTool('select')
    engine.repaint()
    engine.tell()
  }, [engine, schema, editable, session.actor])

  useEffect(() => {
    if (!engine || !shown) return
    engine.show(shown.picture.image, shown.document)
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
      </div>
      <aside aria-label="Panels" className="flex min-h-0 flex-col border-l border-line">
        {above}
        {engine && shown && (
          <>
            {editable && <Classes engine={engine} schema={schema} />}
            <Objects engine={engine} schema={schema} />
            <Attributes engine={engine} schema={schema} />
          </>
        )}
        {below}
      </aside>
    </div>
  )
}
