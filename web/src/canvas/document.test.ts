import { expect, test } from 'vitest'
import { Document, inverse, type Labelled, type Step } from './document'

const box = (id: string, x: number, more: Partial<Labelled> = {}): Labelled =>
  ({ id, revision: 0, label: 'scratch', attributes: {}, author: 'usr_a', author_kind: 'person', basis: 'drawn', score: null, made_at: '', geometry_type: 'box', geometry: { x, y: 0, width: 10, height: 10 }, ...more }) as Labelled
const proposal = (id: string, x: number) => box(id, x, { basis: 'suggested', author_kind: 'model', score: 0.9 })

test('every step can be undone and redone, and each is told to who saves', () => {
  const told: [string, string][] = []
  const document = new Document('smp_1', 100, 100, [proposal('sug_1', 5)])
  const steps: Step[] = []
  document.onStep = (step, how) => {
    told.push([how, step.changes[0]!.after?.basis ?? 'gone'])
    if (how === 'do') steps.push(step)
  }
  document.accept(['sug_1'])
  document.revert(steps[0]!)
  expect(document.objects.get('sug_1')!.basis).toBe('suggested')
  document.redo()
  expect(document.objects.get('sug_1')!.basis).toBe('accepted')
  expect(told).toEqual([['do', 'accepted'], ['undo', 'suggested'], ['redo', 'accepted']])
})

test('a new step ends what could be redone', () => {
  const document = new Document('smp_1', 100, 100, [])
  const step = { name: 'Drew', changes: [{ id: 'a', before: null, after: box('a', 1) }] }
  document.apply(step)
  document.revert(step)
  document.put(box('b', 2), 'Drew')
  expect(document.redo()).toBeNull()
})

test('undoing a step after the server numbered the object keeps the number', () => {
  const document = new Document('smp_1', 100, 100, [box('a', 1, { revision: 4 })])
  const before = document.objects.get('a')!
  const step = { name: 'Moved', changes: [{ id: 'a', before, after: box('a', 9, { revision: 4 }) }] }
  document.apply(step)
  document.replace('a', { ...document.objects.get('a')!, revision: 7 })
  document.revert(step)
  expect(document.objects.get('a')).toMatchObject({ revision: 7, geometry: { x: 1 } })
})

test('accepting what is accepted already is no step', () => {
  const document = new Document('smp_1', 100, 100, [box('a', 1)])
  let steps = 0
  document.onStep = () => steps++
  document.accept(['a'])
  expect(steps).toBe(0)
})

test('the smallest shape under a click comes first', () => {
  const document = new Document('smp_1', 100, 100, [box('large', 0, { geometry: { x: 0, y: 0, width: 90, height: 90 } } as Partial<Labelled>), box('small', 20)])
  expect(document.under(25, 5, 0).map((one) => one.id)).toEqual(['small', 'large'])
})

test('repeating takes what people drew, not what is here already, nor proposals, nor what lies outside', () => {
  const document = new Document('smp_2', 100, 100, [box('here', 1)])
  document.repeat([box('same', 1), box('new', 40), proposal('sug_1', 60), box('outside', 95)], 'usr_b')
  const copies = [...document.objects.values()].filter((one) => one.id !== 'here')
  expect(copies.map((one) => [one.geometry, one.author, one.revision])).toEqual([[{ x: 40, y: 0, width: 10, height: 10 }, 'usr_b', 0]])
})

test('the inverse of an inverse is the step', () => {
  const step: Step = { name: 'Both', changes: [{ id: 'a', before: null, after: box('a', 1) }, { id: 'b', before: box('b', 2), after: null }] }
  expect(inverse(inverse(step))).toEqual(step)
})
