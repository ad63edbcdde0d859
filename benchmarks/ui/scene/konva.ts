import Konva from 'konva'
import { HUES, type Mount } from './scene'

/** Konva with one layer for the picture and one for the boxes, listening off, as its own advice for speed goes. */
export const konva: Mount = async (host, image, boxes) => {
  const picture = new Image()
  picture.src = image
  await picture.decode()
  const stage = new Konva.Stage({ container: host as HTMLDivElement, width: host.clientWidth, height: host.clientHeight })
  const under = new Konva.Layer({ listening: false })
  under.add(new Konva.Image({ image: picture }))
  const over = new Konva.Layer({ listening: false })
  for (const one of boxes) {
    over.add(new Konva.Rect({ ...one, stroke: HUES[one.label], strokeWidth: 1.5, strokeScaleEnabled: false, dash: one.machine ? [5, 4] : undefined, perfectDrawEnabled: false }))
  }
  stage.add(under, over)
  return {
    show: (scale, x, y) => {
      stage.scale({ x: scale, y: scale })
      stage.position({ x, y })
      stage.batchDraw()
    },
    end: () => stage.destroy(),
  }
}
