import { expect, test } from 'vitest'
import { blocksOf, spansOf } from './markdown'

test('headings, lists, tables and text come apart', () => {
  const blocks = blocksOf('# cells v2\n\n- one\n- `two`\n\n| metric | value |\n|---|---|\n| n | 600 |\n\nThe figures hold\nfor images like these.\n')
  expect(blocks.map((block) => block.kind)).toEqual(['heading', 'list', 'table', 'text'])
  expect(blocks[2]).toMatchObject({ rows: [[[{ text: 'n' }], [{ text: '600' }]]] })
  expect(blocks[3]).toMatchObject({ spans: [{ text: 'The figures hold for images like these.' }] })
})

test('HTML and links stay text', () => {
  const text = '<img src=x onerror=alert(1)> [here](javascript:alert(1))'
  expect(blocksOf(text)).toEqual([{ kind: 'text', spans: [{ kind: 'text', text }] }])
})

test('code and bold are marked', () => expect(spansOf('a `b` **c**').map((span) => [span.kind, span.text])).toEqual([['text', 'a '], ['code', 'b'], ['text', ' '], ['bold', 'c']]))

test('a fence that never closes takes the rest as code', () => expect(blocksOf('```\na\nb')).toEqual([{ kind: 'code', text: 'a\nb' }]))

test('a row that begins like a table but is none stays text', () => expect(blocksOf('| a | b')).toMatchObject([{ kind: 'text' }]))
