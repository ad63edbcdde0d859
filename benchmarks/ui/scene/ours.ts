import { Document, type Labelled } from '@/canvas/document'
import { Engine } from '@/canvas/engine'
import { HEIGHT, HUES, WIDTH, type Mount } from './scene'

/** The dashboard's own engine, with nothing of the dashboard around it. */
export const ours: Mount = async (host, image, boxes) => {
  const picture = new Image()
  picture.src = image
  await picture.decode()
  const objects = boxes.map(
    (one): Labelled => ({
      id: one.id, revision: 1, label: String(one.label), geometry_type: 'box', geometry: { x: one.x, y: one.y, width: one.width, height: one.height },
      attributes: {}, author: '', author_kind: one.machine ? 'model' : 'person', basis: one.machine ? 'suggested' : 'drawn', score: one.machine ? 0.8 : null, made_at: '',
    }) as Labelled,
  )
  const engine = new Engine(host)
  engine.colour = (label) => HUES[Number(label)]!
  engine.show(picture, new Document('scene', WIDTH, HEIGHT, objects))
  return { show: (scale, x, y) => engine.look({ scale, x, y }), end: () => engine.destroy() }
}
