import { dictionary, float32, int32, tableFromArrays, tableToIPC, uint32, utf8 } from '@uwdata/flechette'
import { expect, test } from 'vitest'
import { joined, numberAt, readPart, sameRows, textAt } from './columns'
import { unpack } from './pack'

const readSheet = (bytes: ArrayBuffer) => joined(readPart(bytes))
const table = () => {
  const made = tableFromArrays(
    { id: ['smp_a', 'smp_b', 'smp_c'], name: ['a.png', 'b.png', null], label: ['ok', null, 'defect'], score: [0.5, null, 1], width: [300, 200, 100], format: ['PNG', 'PNG', 'JPEG'], colour: [0xff0000, null, 0x0000ff] },
    { types: { id: utf8(), name: utf8(), label: dictionary(utf8()), score: float32(), width: int32(), format: dictionary(utf8()), colour: uint32() } },
  )
  made.schema.metadata = new Map([['sightloop', JSON.stringify({ pointer: '7', facets: ['label'], numbers: ['score'] })]])
  const bytes = tableToIPC(made, {})!
  return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer
}

test('a sheet holds texts as codes, numbers as floats, and none as none', () => {
  const sheet = readSheet(table())
  expect(sheet.size).toBe(3)
  expect([0, 1, 2].map((row) => textAt(sheet, 'label', row))).toEqual(['ok', '', 'defect'])
  expect(numberAt(sheet, 'score', 0)).toBe(0.5)
  expect(numberAt(sheet, 'score', 1)).toBeNaN()
  expect([...sheet.colours]).toEqual([0xff0000, -1, 0x0000ff])
  expect(sheet.names).toEqual(['a.png', 'b.png', ''])
})

test('columns without a single null are read too', () => {
  const sheet = readSheet(table())
  expect([0, 1, 2].map((row) => numberAt(sheet, 'width', row))).toEqual([300, 200, 100])
  expect(textAt(sheet, 'format', 2)).toBe('JPEG')
})

test('a sheet finds a sample by its id', () => {
  const sheet = readSheet(table())
  expect(sheet.row('smp_c')).toBe(2)
  expect(sheet.row('smp_x')).toBe(-1)
})

test('a thumb pack is cut where its lengths say, and a length of 0 is no picture', () => {
  const bytes = new Uint8Array([2, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 7, 8, 9])
  expect(unpack(bytes.buffer).map((one) => one && [...one])).toEqual([[7, 8, 9], null])
})

test('two parts make a sheet, and a new word on the samples leaves what they are as it was', () => {
  const content = readPart(table())
  const said = { ...readPart(table()), columns: new Map([['label', { kind: 'texts' as const, codes: Int32Array.of(0, 0, 0), values: ['ok'] }]]) }
  const [before, after] = [joined(content), joined(content, said)]
  expect(textAt(after, 'label', 1)).toBe('ok')
  expect(after.ids).toBe(before.ids)
  expect(after.columns.get('width')).toBe(before.columns.get('width'))
})

test('parts of different moments are not taken for the same samples', () => {
  const part = readPart(table())
  expect(sameRows(part, part)).toBe(true)
  expect(sameRows(part, { ...part, told: { ...part.told, pointer: '8' } })).toBe(false)
  expect(sameRows(part, { ...part, told: { ...part.told, version: 'dsv_2' } })).toBe(false)
})
