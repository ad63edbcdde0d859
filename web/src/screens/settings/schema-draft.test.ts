import { expect, test } from 'vitest'
import { changes, draftOf, edgesOf, edgesText, EMPTY, fault } from './schema-draft'

const cells = draftOf({ name: 'cells', classes: ['ok', 'defect'] })

test('a schema of an older server is a draft with classes only', () => expect(cells).toEqual({ ...EMPTY, name: 'cells', classes: ['ok', 'defect'] }))
test('nothing changed says nothing', () => expect(changes(cells, cells)).toEqual({ lines: [], version: false }))
test('a colour alone makes no version', () => expect(changes(cells, { ...cells, colours: { ok: '#ffffff' } })).toEqual({ lines: ['other colours: ok'], version: false }))
test('a new class makes the next version and is named', () => expect(changes(cells, { ...cells, classes: ['ok', 'defect', 'dirt'] })).toEqual({ lines: ['new classes: dirt'], version: true }))
test('a class that goes is named', () => expect(changes(cells, { ...cells, classes: ['ok'] }).lines).toEqual(['classes that go: defect']))
test('another order of classes is a change', () => expect(changes(cells, { ...cells, classes: ['defect', 'ok'] }).version).toBe(true))
test('a second class of the same name is a fault', () => expect(fault({ ...cells, classes: ['ok', 'ok'] })).toContain('same name'))
test('keypoints without points are a fault', () => expect(fault({ ...cells, geometry_types: ['keypoints'] })).toContain('points'))
test('edges name their points, and what names none is left out', () => {
  expect(edgesOf('head-neck\nneck-hand, head-', ['head', 'neck'])).toEqual([[0, 1]])
  expect(edgesText({ points: ['head', 'neck'], edges: [[0, 1]] })).toBe('head-neck')
})
