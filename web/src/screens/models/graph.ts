/** What stands on what, as a graph that is put together from the lists of the workspace; pure. */
export type Kind = 'dataset version' | 'run' | 'model version' | 'deployment' | 'alert' | 'cycle' | 'campaign'
export type GraphNode = { id: string; kind: Kind; title: string; sub: string; tone?: 'warn' }
export type Graph = { nodes: ReadonlyMap<string, GraphNode>; after: ReadonlyMap<string, readonly string[]>; before: ReadonlyMap<string, readonly string[]> }

export type Parts = {
  versions: readonly { id: string; model: string; number: number; run: string; dataset_version: string; metrics: Readonly<Record<string, unknown>> }[]
  aliases: Readonly<Record<string, string[]>>
  datasets: readonly { id: string; dataset: string; number: number; parent: string; counts: Readonly<Record<string, number>> }[]
  deployments: readonly { id: string; name: string; model_version: string; state: string }[]
  alerts: readonly { id: string; kind: string; monitor: string; state: string; evidence: Readonly<Record<string, unknown>> }[]
  cycles: readonly { id: string; policy: string; state: string; alert: string; facts: Readonly<Record<string, unknown>> }[]
}

const text = (value: unknown): string => (typeof value === 'string' ? value : '')

/** The graph; an edge whose ends are not both known is left out. */
export function graphOf(parts: Parts): Graph {
  const nodes = new Map<string, GraphNode>()
  const edges: [string, string][] = []
  for (const one of parts.datasets) {
    const samples = Object.values(one.counts).reduce((sum, n) => sum + n, 0)
    nodes.set(one.id, { id: one.id, kind: 'dataset version', title: `${one.dataset} v${one.number}`, sub: `${samples.toLocaleString('en')} samples` })
    edges.push([one.parent, one.id])
  }
  for (const one of parts.versions) {
    const accuracy = one.metrics.accuracy
    nodes.set(one.id, { id: one.id, kind: 'model version', title: `${one.model} v${one.number}`, sub: [...(parts.aliases[one.id] ?? []), typeof accuracy === 'number' ? `accuracy ${(100 * accuracy).toFixed(1)} %` : ''].filter(Boolean).join(', ') })
    if (one.run) {
      nodes.set(one.run, { id: one.run, kind: 'run', title: 'training', sub: one.run.slice(4, 12) })
      edges.push([one.dataset_version, one.run], [one.run, one.id])
    } else edges.push([one.dataset_version, one.id])
  }
  for (const one of parts.deployments) {
    nodes.set(one.id, { id: one.id, kind: 'deployment', title: one.name, sub: one.state, ...(one.state === 'failed' ? { tone: 'warn' as const } : {}) })
    edges.push([one.model_version, one.id])
  }
  for (const one of parts.alerts) {
    nodes.set(one.id, { id: one.id, kind: 'alert', title: `${one.kind} on ${one.monitor}`, sub: one.state, ...(one.state === 'raised' ? { tone: 'warn' as const } : {}) })
    const version = text(one.evidence.model_version)
    // The version that was watched, not the deployment, which answers with another one after the loop: lineage has no circles.
    if (version) edges.push([version, one.id])
  }
  for (const one of parts.cycles) {
    nodes.set(one.id, { id: one.id, kind: 'cycle', title: one.policy, sub: one.state })
    edges.push([one.alert, one.id])
    const campaign = text(one.facts.campaign)
    const made = text(one.facts.dataset_version)
    if (campaign) {
      nodes.set(campaign, { id: campaign, kind: 'campaign', title: 'labels', sub: campaign.slice(4, 12) })
      edges.push([one.id, campaign], [campaign, made])
    } else edges.push([one.id, made])
  }
  const after = new Map<string, string[]>()
  const before = new Map<string, string[]>()
  for (const [from, to] of edges) {
    if (!nodes.has(from) || !nodes.has(to)) continue
    after.set(from, [...(after.get(from) ?? []), to])
    before.set(to, [...(before.get(to) ?? []), from])
  }
  return { nodes, after, before }
}

/** Everything that can be reached from a thing in one direction, nearest first, with its distance; each once, circles or not. */
export function reach(next: ReadonlyMap<string, readonly string[]>, from: string): Map<string, number> {
  const found = new Map<string, number>()
  const queue: [string, number][] = [[from, 0]]
  for (let at = 0; at < queue.length; at++) {
    const [id, distance] = queue[at]!
    for (const one of next.get(id) ?? []) {
      if (one === from || found.has(one)) continue
      found.set(one, distance + 1)
      queue.push([one, distance + 1])
    }
  }
  return found
}

/** What is drawn: the way to and from the chosen thing, and the neighbours of what was opened. */
export function visible(graph: Graph, focus: string, opened: ReadonlySet<string>, all: boolean): { path: Set<string>; shown: Set<string> } {
  const path = new Set([...reach(graph.before, focus).keys(), ...reach(graph.after, focus).keys(), ...(graph.nodes.has(focus) ? [focus] : [])])
  const shown = new Set(all ? graph.nodes.keys() : path)
  for (const id of opened) for (const one of [...(graph.before.get(id) ?? []), ...(graph.after.get(id) ?? [])]) shown.add(one)
  return { path, shown }
}

/** How many neighbours of a thing are not drawn. */
export const hiddenBeside = (graph: Graph, id: string, shown: ReadonlySet<string>): number => new Set([...(graph.before.get(id) ?? []), ...(graph.after.get(id) ?? [])].filter((one) => !shown.has(one))).size
