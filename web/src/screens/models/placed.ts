import { graphlib, layout } from '@dagrejs/dagre'
import type { Edge } from '@xyflow/react'
import { hiddenBeside, type Graph } from './graph'
import { HEIGHT, WIDTH, type Shown } from './lineage-node'

/** Where each thing stands, from left to right as one stands on another. Comes by itself: the layout is heavy. */
export function placed(graph: Graph, focus: string, path: Set<string>, shown: Set<string>, open: (id: string) => void): { nodes: Shown[]; edges: Edge[] } {
  const plan = new graphlib.Graph().setGraph({ rankdir: 'LR', nodesep: 16, ranksep: 44 }).setDefaultEdgeLabel(() => ({}))
  for (const id of shown) plan.setNode(id, { width: WIDTH, height: HEIGHT })
  const edges: Edge[] = []
  for (const [from, many] of graph.after)
    for (const to of many) {
      if (!shown.has(from) || !shown.has(to)) continue
      plan.setEdge(from, to)
      edges.push({ id: `${from}-${to}`, source: from, target: to, className: path.has(from) && path.has(to) ? 'on-path' : '' })
    }
  layout(plan)
  const nodes = [...shown].map((id): Shown => {
    const { x, y } = plan.node(id) as { x: number; y: number }
    return { id, type: 'thing', position: { x: x - WIDTH / 2, y: y - HEIGHT / 2 }, data: { node: graph.nodes.get(id)!, focused: id === focus, dim: !path.has(id), hidden: hiddenBeside(graph, id, shown), open: () => open(id) } }
  })
  return { nodes, edges }
}
