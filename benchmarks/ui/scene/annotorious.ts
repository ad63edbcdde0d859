import { createImageAnnotator } from '@annotorious/annotorious'
import type { Mount } from './scene'

/** Annotorious over an image; it has no pan or zoom of its own, so both are moved by one transform of their container. */
export const annotorious: Mount = async (host, image, boxes) => {
  const frame = document.createElement('div')
  frame.style.cssText = 'position:absolute;left:0;top:0;transform-origin:0 0;will-change:transform'
  const picture = new Image()
  picture.src = image
  await picture.decode()
  frame.append(picture)
  host.append(frame)
  const annotator = createImageAnnotator(picture, { drawingEnabled: false })
  await annotator.setAnnotations(
    boxes.map((one) => ({
      id: one.id,
      bodies: [],
      target: {
        annotation: one.id,
        selector: { type: 'RECTANGLE', geometry: { x: one.x, y: one.y, w: one.width, h: one.height, bounds: { minX: one.x, minY: one.y, maxX: one.x + one.width, maxY: one.y + one.height } } },
      },
    })) as never,
  )
  return {
    show: (scale, x, y) => {
      frame.style.transform = `translate(${x}px,${y}px) scale(${scale})`
    },
    end: () => {
      annotator.destroy()
      frame.remove()
    },
  }
}
