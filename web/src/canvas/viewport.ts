import type { Rect } from './shapes'

/** How the image lies in the view: a point p of the image is shown at scale * p + (x, y). */
export type Viewport = { scale: number; x: number; y: number }
export type Size = { width: number; height: number }

const clamp = (value: number, low: number, high: number): number => Math.min(Math.max(value, low), high)
const MOST = 32

/** A rectangle of the image in the middle of the view, with some of the image around it. */
export function around(rect: Rect, view: Size, share = 0.6): Viewport {
  const scale = clamp(Math.min((view.width * share) / Math.max(rect.width, 1), (view.height * share) / Math.max(rect.height, 1)), 0.01, MOST)
  return { scale, x: view.width / 2 - (rect.x + rect.width / 2) * scale, y: view.height / 2 - (rect.y + rect.height / 2) * scale }
}

/** The whole image in the view. */
export const fitted = (image: Size, view: Size): Viewport => around({ x: 0, y: 0, ...image }, view, 0.97)

/** Nearer or farther, with what is under a point of the view staying there. */
export function zoomed(old: Viewport, factor: number, px: number, py: number, image: Size, view: Size): Viewport {
  const scale = clamp(old.scale * factor, fitted(image, view).scale / 4, MOST)
  const by = scale / old.scale
  return { scale, x: px - (px - old.x) * by, y: py - (py - old.y) * by }
}

/** Moved, but never so far that the image is out of sight. */
export function panned(old: Viewport, dx: number, dy: number, image: Size, view: Size): Viewport {
  const room = 48
  return {
    scale: old.scale,
    x: clamp(old.x + dx, room - image.width * old.scale, view.width - room),
    y: clamp(old.y + dy, room - image.height * old.scale, view.height - room),
  }
}

export const toImage = (at: Viewport, px: number, py: number): [number, number] => [(px - at.x) / at.scale, (py - at.y) / at.scale]

/** What of the image is in sight, with `margin` view pixels around it. */
export function inSight(at: Viewport, view: Size, margin = 24): Rect {
  const [x, y] = toImage(at, -margin, -margin)
  return { x, y, width: (view.width + 2 * margin) / at.scale, height: (view.height + 2 * margin) / at.scale }
}

/** The view for the next image: the same place where the person had zoomed into one of the same size, else all of it. */
export function carried(old: { at: Viewport; image: Size; fitted: boolean } | null, image: Size, view: Size): Viewport {
  return old && !old.fitted && old.image.width === image.width && old.image.height === image.height ? old.at : fitted(image, view)
}
