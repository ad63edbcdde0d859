import { expect, test } from 'vitest'
import { pieces } from './sentence'

const id = (kind: string): string => `${kind}_${'0'.repeat(26)}`

test('an id becomes the name of what it is, with the id behind it', () => {
  expect(pieces(`passed ${id('gat')}, so it was promoted`)).toEqual([{ text: 'passed ' }, { text: 'the gate', id: id('gat') }, { text: ', so it was promoted' }])
})

test('what the sentence names already is not named twice', () => {
  expect(pieces(`The campaign ${id('cmp')} is done`)).toEqual([{ text: 'The campaign', id: id('cmp') }, { text: ' is done' }])
})

test('a sentence without ids stays as it is', () => {
  expect(pieces('80 images are there')).toEqual([{ text: '80 images are there' }])
})
