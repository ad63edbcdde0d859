import { expect, test } from 'vitest'
import { decodeRuns } from './rle'
import { Tiles } from './tiles'

test('what is painted across tiles comes back from its encoding', () => {
  const tiles = new Tiles(700, 600)
  tiles.stroke([200, 200], [520, 300], 20, 1)
  const mask = tiles.encode()!
  const again = Tiles.of(mask)
  expect(again.encode()).toEqual(mask)
  const runs = decodeRuns(mask)
  expect([runs.has(200, 200), runs.has(360, 250), runs.has(520, 300), runs.has(360, 290)]).toEqual([true, true, true, false])
})

test('wiping all of it leaves no mask', () => {
  const tiles = new Tiles(100, 100)
  tiles.stroke([50, 50], [50, 50], 5, 1)
  tiles.stroke([50, 50], [50, 50], 9, 0)
  expect(tiles.encode()).toBeNull()
})

test('a stroke in a corner of a large image makes one tile, not a full-size picture', () => {
  const tiles = new Tiles(3840, 2160)
  tiles.stroke([10, 10], [60, 60], 8, 1)
  expect(tiles.tiles.size).toBe(1)
})

test('nothing is painted outside of the image', () => {
  const tiles = new Tiles(30, 20)
  tiles.stroke([0, 0], [40, 30], 6, 1)
  expect(decodeRuns(tiles.encode()!).bounds).toEqual({ x: 0, y: 0, width: 30, height: 20 })
})
