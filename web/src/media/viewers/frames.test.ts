import { expect, test } from 'vitest'
import { frameAt, middleOf } from './frames'

test('stepping forward and back comes to the same frames at any rate', () => {
  for (const fps of [12, 23.976, 25, 29.97, 60]) for (let frame = 0; frame < 500; frame++) expect(frameAt(middleOf(frame, fps), fps)).toBe(frame)
})

test('the first moment of a frame is that frame', () => {
  expect(frameAt(0, 20)).toBe(0)
  expect(frameAt(3 / 29.97, 29.97)).toBe(3)
})

test('a clip that tells no rate is stepped as if it had 25 frames a second', () => {
  expect(frameAt(1, 0)).toBe(25)
})
