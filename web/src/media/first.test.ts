import { expect, test } from 'vitest'
import { firstPath } from './first'

const asked = (link: Parameters<typeof firstPath>[0], version?: string) => new URLSearchParams(firstPath(link, version)?.split('?')[1])

test('the first tiles of a filtered, sorted link are asked of the server, with the columns that it is filtered and sorted by', () => {
  const query = asked({ f: 'label:ok,;blur:0..10', sort: 'bright' })
  expect(JSON.parse(query.get('where')!)).toEqual({ and: [{ or: [{ label: { in: ['ok'] } }, { label: { exists: false } }] }, { blur: { '>=': 0, '<=': 10 } }] })
  expect(query.get('by')).toBe('-brightness')
  expect(query.get('fields')!.split(',')).toEqual(expect.arrayContaining(['label', 'blur', 'brightness']))
})

test('where only all samples tell what comes first, nothing is asked before them', () => {
  for (const link of [{ f: 'predicted:ok' }, { f: 'metadata.line:a' }, { q: 'cell' }, { sort: 'uncertain' }, { view: 'map' }, { set: 'outliers' }]) expect(firstPath(link, undefined)).toBeNull()
})

test('a version has labels of its own, which the filter of today cannot tell', () => {
  expect(firstPath({ f: 'label:ok' }, 'cells@1')).toBeNull()
  expect(asked({}, 'cells@1').get('version')).toBe('cells@1')
})
