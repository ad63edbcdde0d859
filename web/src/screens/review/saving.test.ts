import { expect, test } from 'vitest'
import type { Labelled } from '@/canvas/document'
import { begun, initials, operationsOf, standing } from './saving'

const one = (id: string, basis: string, more: Partial<Labelled> = {}): Labelled => ({ id, revision: 3, label: 'dent', attributes: {}, author: 'a', author_kind: 'person', basis, score: null, made_at: '', geometry_type: 'box', geometry: { x: 0, y: 0, width: 2, height: 2 }, ...more }) as Labelled
const proposal = one('sug_1', 'suggested', { revision: 0 })
const accepted = one('sug_1', 'accepted', { revision: 0 })

test('accepting writes the proposal, and taking that back removes it', () => {
  expect(operationsOf({ name: '', changes: [{ id: 'sug_1', before: proposal, after: accepted }] }, 2)[0]).toMatchObject({ op: 'put', basis: 'accepted', expected_revision: 0, duration_s: 2 })
  expect(operationsOf({ name: '', changes: [{ id: 'sug_1', before: accepted, after: proposal }] }, 0)[0]).toMatchObject({ op: 'remove' })
})

test('rejecting removes the proposal, and taking that back restores it', () => {
  expect(operationsOf({ name: '', changes: [{ id: 'sug_1', before: proposal, after: null }] }, 0)[0]).toMatchObject({ op: 'remove', expected_revision: 0 })
  expect(operationsOf({ name: '', changes: [{ id: 'sug_1', before: null, after: proposal }] }, 0)[0]).toMatchObject({ op: 'restore' })
})

test('a step of many objects counts its time once', () => {
  const step = { name: '', changes: ['a', 'b'].map((id) => ({ id, before: null, after: one(id, 'drawn') })) }
  expect(operationsOf(step, 4).map((it) => it.duration_s)).toEqual([4, 0])
})

test('an image begins with what stands and with proposals that nobody decided about', () => {
  const start = begun([one('sug_2', 'accepted')], [proposal, { ...proposal, id: 'sug_2' }, { ...proposal, id: 'sug_3' }], ['sug_3'])
  expect(start.map((it) => [it.id, it.basis])).toEqual([['sug_2', 'accepted'], ['sug_1', 'suggested']])
})

test('what stands in an answer counts untouched proposals as accepted', () => {
  expect(standing([proposal, one('a', 'drawn')]).map((it) => it.basis)).toEqual(['accepted', 'drawn'])
})

test('what was imported and stays counts as accepted, so that it can be sent', () => {
  expect(standing([one('a', 'imported'), one('b', 'auto_accepted'), one('c', 'corrected')]).map((it) => it.basis)).toEqual(['accepted', 'accepted', 'corrected'])
})

test('a person is known by two letters', () => {
  expect([initials('usr_ada lovelace'), initials('grace.hopper@x'), initials('bo'), initials('')]).toEqual(['AL', 'GH', 'BO', '?'])
})
