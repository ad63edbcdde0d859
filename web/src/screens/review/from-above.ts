import { request } from '@/api/client'
import type { Ground } from '@/canvas/plan'
import { RAINBOW } from '@/media/viewers/cloud-paint'
import { got, type Sample } from './data'
import { picture, type Picture } from './pictures'

const MOST = 300_000
const LONGEST_PX = 3600
const FINEST = 20 // pixels a metre
const KEPT = 4
const cache = new Map<string, Promise<Picture>>()

/** The sample's picture; that of a sweep is one from above, on which cuboids are drawn. */
export async function pictureOrPlan(sample: string): Promise<Picture> {
  const found = await got<Sample>(`/samples/${sample}`)
  return found.kind === 'sweep' ? plan(found) : picture(sample)
}

/** The sweep from above, coloured by height, with what leads from its pixels to metres. */
export function plan(sample: Sample): Promise<Picture> {
  let made = cache.get(sample.id)
  if (!made) {
    cache.set(sample.id, (made = drawn(sample)))
    made.catch(() => cache.delete(sample.id))
    if (cache.size > KEPT) cache.delete(cache.keys().next().value!)
  }
  return made
}

async function drawn(sample: Sample): Promise<Picture> {
  const points = new Float32Array(await (await request(`/api/v1/samples/${sample.id}/points?most=${MOST}`)).arrayBuffer())
  const ground = groundOf(points, ['min_x', 'min_y', 'min_z'].map((name) => Number(sample.metadata[name] ?? 0)))
  const canvas = document.createElement('canvas')
  canvas.width = ground.width
  canvas.height = ground.height
  paint(canvas.getContext('2d')!, ground)
  const blob = await new Promise<Blob | null>((done) => canvas.toBlob(done))
  const image = new Image()
  image.alt = 'The points from above'
  image.src = URL.createObjectURL(blob!)
  await image.decode()
  return { sample: sample.id, image, width: ground.width, height: ground.height, ground }
}

/** What a picture from above shows of points that are given from a corner on; they are moved to where they are. */
export function groundOf(points: Float32Array, corner: readonly number[]): Ground {
  const low = [Infinity, Infinity]
  const high = [-Infinity, -Infinity]
  for (let at = 0; at < points.length; at += 4) {
    for (let axis = 0; axis < 3; axis++) points[at + axis]! += corner[axis]!
    for (let axis = 0; axis < 2; axis++) {
      low[axis] = Math.min(low[axis]!, points[at + axis]!)
      high[axis] = Math.max(high[axis]!, points[at + axis]!)
    }
  }
  if (!points.length) return { left: -1, top: 1, scale: FINEST, width: 2 * FINEST, height: 2 * FINEST, points }
  const [across, tall] = [high[0]! - low[0]! + 2, high[1]! - low[1]! + 2]
  const scale = Math.min(FINEST, LONGEST_PX / Math.max(across, tall))
  return { left: low[0]! - 1, top: high[1]! + 1, scale, width: Math.ceil(across * scale), height: Math.ceil(tall * scale), points }
}

function paint(pen: CanvasRenderingContext2D, { points, left, top, scale, width, height }: Ground): void {
  pen.fillStyle = '#0b0c0f'
  pen.fillRect(0, 0, width, height)
  const heights = Float32Array.from({ length: points.length / 4 }, (_, at) => points[4 * at + 2]!).sort()
  const [low, high] = [heights[Math.floor(heights.length * 0.02)] ?? 0, heights[Math.floor(heights.length * 0.98)] ?? 1]
  const dot = scale >= 8 ? 2 : 1
  const image = pen.getImageData(0, 0, width, height)
  const pixels = new Uint32Array(image.data.buffer)
  const levels = RAINBOW.map((rgb) => 0xff000000 | ((rgb & 255) << 16) | (rgb & 0xff00) | (rgb >> 16))
  for (let at = 0; at < points.length; at += 4) {
    const level = levels[Math.max(0, Math.min(levels.length - 1, Math.floor(((points[at + 2]! - low) / Math.max(high - low, 1e-6)) * levels.length)))]!
    const [x, y] = [Math.floor((points[at]! - left) * scale), Math.floor((top - points[at + 1]!) * scale)]
    for (let dy = 0; dy < dot; dy++) for (let dx = 0; dx < dot; dx++) if (x + dx < width && y + dy < height) pixels[(y + dy) * width + x + dx] = level >>> 0
  }
  pen.putImageData(image, 0, 0)
}
