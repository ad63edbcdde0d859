import { expect, test } from 'vitest'
import { graphOf, hiddenBeside, reach, visible, type Parts } from './graph'

const PARTS: Parts = {
  datasets: [
    { id: 'd1', dataset: 'cells', number: 1, parent: '', counts: { train: 3 } },
    { id: 'd2', dataset: 'cells', number: 2, parent: 'd1', counts: { train: 4 } },
  ],
  versions: [
    { id: 'm1', model: 'cells', number: 1, run: 'r1', dataset_version: 'd1', metrics: { accuracy: 0.9 } },
    { id: 'm2', model: 'cells', number: 2, run: 'r2', dataset_version: 'd2', metrics: {} },
    { id: 'm3', model: 'cells', number: 3, run: 'r3', dataset_version: 'd1', metrics: {} },
  ],
  aliases: { m2: ['champion'] },
  deployments: [{ id: 'p1', name: 'line', model_version: 'm2', state: 'serving' }],
  alerts: [{ id: 'a1', kind: 'drift', monitor: 'line', state: 'raised', evidence: { model_version: 'm1', deployment: 'line' } }],
  cycles: [{ id: 'c1', policy: 'keep up', state: 'done', alert: 'a1', facts: { campaign: 'q1', dataset_version: 'd2' } }],
}
const graph = graphOf(PARTS)

test('the loop is one way: from the version that drifted to the one that serves', () => {
  expect([...reach(graph.after, 'm1').keys()]).toEqual(['a1', 'c1', 'q1', 'd2', 'r2', 'm2', 'p1'])
})

test('what a version stands on goes back to the first data', () => {
  expect([...reach(graph.before, 'm2').keys()]).toContain('d1')
  expect(reach(graph.before, 'm2').get('r2')).toBe(1)
})

test('what is beside the way is not drawn until it is opened', () => {
  const { path, shown } = visible(graph, 'm2', new Set(), false)
  expect(path.has('m3')).toBe(false)
  expect(shown.has('r3')).toBe(false)
  expect(hiddenBeside(graph, 'd1', shown)).toBe(1)
  expect(visible(graph, 'm2', new Set(['d1']), false).shown.has('r3')).toBe(true)
  expect(visible(graph, 'm2', new Set(), true).shown.size).toBe(graph.nodes.size)
})

test('an edge to what is not known is left out', () => expect(graph.before.get('d1')).toBeUndefined())

test('a circle ends', () => {
  const next = new Map([['a', ['b']], ['b', ['a']]])
  expect([...reach(next, 'a').keys()]).toEqual(['b'])
})
