import { Background, Controls, Handle, Position, ReactFlow, useReactFlow, ReactFlowProvider, type NodeProps } from '@xyflow/react'
import '@xyflow/react/dist/base.css'
import './lineage.css'
import { useNavigate, useParams } from '@tanstack/react-router'
import { useEffect, useMemo, useRef, useState } from 'react'
import { Button } from '@/ui/button'
import { cx } from '@/ui/classes'
import { Dot } from '@/ui/marks'
import { Checkbox } from '@/ui/select'
import { Empty, Failed, Progress } from '@/ui/states'
import { reach, visible, type Graph } from './graph'
import { HEIGHT, WIDTH, type Shown } from './lineage-node'
import { useLineage } from './lineage-data'


/** What a thing stands on and what stands on it: a graph around it, and the same as a list for the keyboard. */
export default function Lineage({ focus }: { focus: string }) {
  const { graph, pending, error } = useLineage()
  const [chosen, setChosen] = useState(focus)
  useEffect(() => setChosen(focus), [focus])
  if (error) return <Failed what="The lineage" error={error} />
  if (pending) return <Progress busy />
  if (!graph.nodes.has(chosen)) return <Empty title="This has no lineage yet" />
  return (
    <div className="flex h-full min-h-0">
      <ReactFlowProvider>
        <Drawn graph={graph} focus={chosen} onFocus={setChosen} />
      </ReactFlowProvider>
      <Listed graph={graph} focus={chosen} onFocus={setChosen} />
    </div>
  )
}

function Drawn({ graph, focus, onFocus }: { graph: Graph; focus: string; onFocus: (id: string) => void }) {
  const [opened, setOpened] = useState<ReadonlySet<string>>(new Set())
  const [all, setAll] = useState(false)
  const flow = useReactFlow()
  const host = useRef<HTMLDivElement>(null)
  const { path, shown } = useMemo(() => visible(graph, focus, opened, all), [graph, focus, opened, all])
  const [place, setPlace] = useState<typeof import('./placed').placed>()
  useEffect(() => void import('./placed').then((it) => setPlace(() => it.placed)), [])
  const { nodes, edges } = useMemo(
    () => place?.(graph, focus, path, shown, (id) => setOpened((old) => new Set([...old, id]))) ?? { nodes: [], edges: [] },
    [place, graph, focus, path, shown],
  )
  useEffect(() => {
    if (!place) return
    const frame = requestAnimationFrame(() => {
      const duration = matchMedia('(prefers-reduced-motion: reduce)').matches ? 0 : 200
      const box = flow.getNodesBounds([...path])
      const room = host.current?.getBoundingClientRect()
      // Text below 60 % cannot be read: a way longer than the room begins at the chosen thing instead.
      const fits = room && Math.min(room.width / (box.width + 48), room.height / (box.height + 48)) >= 0.6
      const here = flow.getNode(focus)
      if (fits || !here) void flow.fitView({ nodes: [...path].map((id) => ({ id })), padding: 0.08, minZoom: 0.6, maxZoom: 1, duration })
      else void flow.setCenter(here.position.x + WIDTH / 2, here.position.y + HEIGHT / 2, { zoom: 0.8, duration })
    })
    return () => cancelAnimationFrame(frame)
  }, [flow, path, focus, place])
  if (!place) return <Progress busy />
  return (
    <div ref={host} className="relative min-w-0 grow max-md:hidden" role="region" aria-label={`Lineage of ${graph.nodes.get(focus)!.title}, ${path.size} things; the list beside it says the same`}>
      <ReactFlow nodes={nodes} edges={edges} nodeTypes={TYPES} onNodeClick={(_, node) => onFocus(node.id)} nodesDraggable={false} nodesConnectable={false} nodesFocusable={false} edgesFocusable={false} minZoom={0.3} maxZoom={1.5} proOptions={{ hideAttribution: true }}>
        <Background gap={24} size={1} color="var(--line)" />
        <Controls showInteractive={false} />
      </ReactFlow>
      <div className="absolute left-3 top-3 rounded-md border border-line bg-bg px-2 py-1 text-xs">
        <Checkbox checked={all} onChange={setAll}>
          Also what is beside the way ({graph.nodes.size - path.size})
        </Checkbox>
      </div>
    </div>
  )
}

function Thing({ data: { node, focused, dim, hidden, open } }: NodeProps<Shown>) {
  return (
    <div className={cx('flex h-[60px] w-[168px] flex-col justify-center rounded-md border bg-surface px-3', focused ? 'border-sel' : 'border-line-strong', dim && 'opacity-50')}>
      <Handle type="target" position={Position.Left} className="invisible" />
      <span className="flex items-center gap-1.5 text-2xs text-ink-2">
        {node.kind} {node.tone && <Dot tone={node.tone} label="needs attention" />}
        {hidden > 0 && (
          <button type="button" tabIndex={-1} aria-label={`Show ${hidden} more beside ${node.title}`} className="num ml-auto rounded-sm border border-line-strong px-1 hover:bg-raised" onClick={(event) => (event.stopPropagation(), open())}>
            +{hidden}
          </button>
        )}
      </span>
      <span className="truncate text-xs font-medium">{node.title}</span>
      <span className="num truncate text-2xs text-ink-2">{node.sub}</span>
      <Handle type="source" position={Position.Right} className="invisible" />
    </div>
  )
}
const TYPES = { thing: Thing }

function Listed({ graph, focus, onFocus }: { graph: Graph; focus: string; onFocus: (id: string) => void }) {
  const open = useOpen(graph)
  const node = graph.nodes.get(focus)!
  const parts = [
    { name: 'Stands on', found: reach(graph.before, focus) },
    { name: 'Stands on it', found: reach(graph.after, focus) },
  ]
  return (
    <aside className="flex w-[264px] shrink-0 flex-col gap-4 overflow-auto border-l border-line p-3 text-xs max-md:w-auto max-md:grow max-md:border-l-0" aria-label="Lineage as a list" tabIndex={0}>
      <div className="flex items-center gap-2">
        <div className="min-w-0">
          <div className="text-ink-2">{node.kind}</div>
          <div className="truncate text-sm font-medium">{node.title}</div>
        </div>
        <span className="ml-auto">
          <Button small onClick={() => open(focus)}>
            Open
          </Button>
        </span>
      </div>
      {parts.map(({ name, found }) => (
        <section key={name}>
          <h2 className="mb-1 font-semibold">
            {name} <span className="num font-normal text-ink-3">{found.size}</span>
          </h2>
          {[...found].map(([id, distance]) => {
            const one = graph.nodes.get(id)!
            return (
              <button key={id} type="button" onClick={() => onFocus(id)} onDoubleClick={() => open(id)} className="flex h-7 w-full items-center gap-2 rounded-sm px-1 text-left hover:bg-raised">
                <span className="num w-3 shrink-0 text-ink-3">{distance}</span>
                <span className="truncate">{one.title}</span>
                <span className="ml-auto shrink-0 text-ink-3">{one.kind}</span>
              </button>
            )
          })}
        </section>
      ))}
    </aside>
  )
}

/** Opens the screen of a thing in the graph. */
export function useOpen(graph: Graph): (id: string) => void {
  const navigate = useNavigate()
  const { workspace = 'default' } = useParams({ strict: false })
  return (id) => {
    const node = graph.nodes.get(id)
    if (!node) return
    if (node.kind === 'run') void navigate({ to: '/w/$workspace/runs/$run', params: { workspace, run: id } })
    else if (node.kind === 'model version') void navigate({ to: '/w/$workspace/models/$model', params: { workspace, model: id } })
    else if (node.kind === 'alert') void navigate({ to: '/w/$workspace/alerts/$alert', params: { workspace, alert: id } })
    else if (node.kind === 'deployment') void navigate({ to: '/w/$workspace/deployments/$deployment', params: { workspace, deployment: node.title } })
    else if (node.kind === 'campaign') void navigate({ to: '/w/$workspace/review/$queue', params: { workspace, queue: id } })
    else if (node.kind === 'cycle') void navigate({ to: '/w/$workspace/alerts', params: { workspace } })
    else {
      const [dataset, number] = node.title.split(' v')
      void navigate({ to: '/w/$workspace/datasets/$dataset', params: { workspace, dataset: dataset! }, search: { v: number } })
    }
  }
}
