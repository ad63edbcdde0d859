import { expect, test } from 'vitest'
import { Spatial } from './spatial'
import { around, carried, fitted, inSight, panned, toImage, zoomed } from './viewport'

test('what a grid finds in a rectangle is what a look at every shape finds', () => {
  const space = new Spatial(4000, 2000)
  let seed = 7
  const random = () => (seed = (seed * 48271) % 2147483647) / 2147483647
  const all = Array.from({ length: 2000 }, (_, at) => ({ id: `o${at}`, rect: { x: random() * 3900, y: random() * 1900, width: random() ** 6 * 2000, height: random() ** 6 * 1000 } }))
  for (const { id, rect } of all) space.put(id, rect)
  for (const one of all.slice(0, 500)) space.remove(one.id)
  for (let at = 0; at < 50; at++) {
    const asked = { x: random() * 4000, y: random() * 2000, width: random() * 900, height: random() * 900 }
    const plain = all.slice(500).filter(({ rect }) => rect.x <= asked.x + asked.width && rect.y <= asked.y + asked.height && rect.x + rect.width >= asked.x && rect.y + rect.height >= asked.y)
    expect([...space.within(asked)].sort()).toEqual(plain.map((one) => one.id).sort())
  }
})

test('a shape that was moved is found only where it is', () => {
  const space = new Spatial(1000, 1000)
  space.put('a', { x: 0, y: 0, width: 10, height: 10 })
  space.put('a', { x: 800, y: 800, width: 10, height: 10 })
  expect([space.within({ x: 0, y: 0, width: 50, height: 50 }).size, space.within({ x: 790, y: 790, width: 50, height: 50 }).size]).toEqual([0, 1])
})

const image = { width: 3840, height: 2160 }
const view = { width: 1400, height: 800 }

test('what is under the cursor stays there when zooming', () => {
  const before = fitted(image, view)
  const after = zoomed(before, 3, 300, 200, image, view)
  const [a, b] = [toImage(before, 300, 200), toImage(after, 300, 200)]
  expect(b[0]).toBeCloseTo(a[0])
  expect(b[1]).toBeCloseTo(a[1])
})

test('an image cannot be pushed out of sight', () => {
  const away = panned(fitted(image, view), 99_999, -99_999, image, view)
  const seen = inSight(away, view, 0)
  expect(seen.x + seen.width).toBeGreaterThan(0)
  expect(seen.y).toBeLessThan(image.height)
})

test('the view is carried to the next image of the same size, and fitted to one of another', () => {
  const close = around({ x: 100, y: 100, width: 50, height: 50 }, view)
  expect(carried({ at: close, image, fitted: false }, image, view)).toBe(close)
  expect(carried({ at: close, image, fitted: false }, { width: 640, height: 480 }, view)).toEqual(fitted({ width: 640, height: 480 }, view))
  expect(carried({ at: close, image, fitted: true }, image, view)).toEqual(fitted(image, view))
})
