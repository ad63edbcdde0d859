import { expect, test } from 'vitest'
import { sheetOf, type Sheet } from './columns'
import { gathered, hasGroups, slotsAt, withSlots } from './moments'

const numbers = (...values: number[]) => ({ kind: 'numbers' as const, values: Float32Array.from(values) })
const parts = { names: ['a', 'b', 'c', 'd'], ids: ['a', 'b', 'c', 'd'], colours: new Int32Array(4), facets: [], numbers: [], pointer: '' }
const sheet: Sheet = sheetOf({ ...parts, columns: new Map([['group', numbers(0, NaN, 0, 1)], ['place', numbers(1, NaN, 0, 0)]]) })
const plain: Sheet = sheetOf({ ...parts, columns: new Map() })
const all = Uint32Array.of(0, 1, 2, 3)

test('a group is its main sample, where the first of it stands', () => expect([...gathered(sheet, all)]).toEqual([2, 1, 3]))

test('where the main sample is filtered out, the next of the group stands for it', () => expect([...gathered(sheet, Uint32Array.of(0, 1))]).toEqual([0, 1]))

test('samples without groups stay as they are', () => {
  expect(gathered(plain, all)).toBe(all)
  expect([hasGroups(plain), hasGroups(sheet)]).toEqual([false, true])
})

test('a tile tells how many samples are of its moment', () => expect([0, 1, 2, 3].map((row) => slotsAt(sheet, row))).toEqual([2, 1, 2, 1]))

test('choosing a group chooses what of it is in the view', () => {
  expect([...Array.from(withSlots(sheet, [2, 1], all))].sort()).toEqual([0, 1, 2])
  expect([...Array.from(withSlots(sheet, [2], Uint32Array.of(2, 3)))]).toEqual([2])
})
