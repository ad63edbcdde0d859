import { request } from '@/api/client'
import { Problem } from '@/api/problem'
import type { Ground } from '@/canvas/plan'

/** An image that is decoded and ready to be put on the page. */
export type Picture = { sample: string; image: HTMLImageElement; width: number; height: number; ground?: Ground }

const KEPT = 16
const cache = new Map<string, Promise<Picture>>()

async function fetchPicture(sample: string): Promise<Picture> {
  const answer = await request(`/api/v1/samples/${sample}/image`)
  const image = new Image()
  image.alt = 'The sample that is shown'
  image.src = URL.createObjectURL(await answer.blob())
  try {
    await image.decode()
  } catch {
    throw new Problem(-1, { detail: 'The browser cannot show this image.', hint: 'Its bytes are as they were ingested; the next one may be fine.' })
  }
  return { sample, image, width: image.naturalWidth, height: image.naturalHeight }
}

/** The sample's picture, fetched and decoded once while it is among the last sixteen asked for. */
export function picture(sample: string): Promise<Picture> {
  const known = cache.get(sample)
  cache.delete(sample)
  const made = known ?? fetchPicture(sample)
  cache.set(sample, made)
  if (!known) made.catch(() => cache.delete(sample))
  for (const [old, going] of cache) {
    if (cache.size <= KEPT) break
    cache.delete(old)
    void going.then(({ image }) => !image.isConnected && URL.revokeObjectURL(image.src)).catch(() => {})
  }
  return made
}

/** Begins to fetch what will be shown soon. */
export function prefetch(samples: readonly string[]): void {
  for (const sample of samples) picture(sample).catch(() => {})
}
