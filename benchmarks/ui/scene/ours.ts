import { Document, type Labelled } from '@/canvas/document'
import { Engine } from '@/canvas/engine'
import { HEIGHT, HUES, type Mount, WIDTH } from './scene'

/** The dashboard's own engine, as the review screen mounts it: casing, tags, culling and dashes included. */
export const ours: Mount = async (host, image, boxes) => {
  const picture = new Image()
  picture.src = image
  await picture.decode()
  const engine = new Engine(host)
  engine.colour = (label) => HUES[Number(label)]!
  const objects = boxes.map(
    ({ id, x, y, width, height, label, machine }): Labelled => ({
      id, revision: 1, label: String(label), attributes: {}, author: '', author_kind: machine ? 'model' : 'person', basis: machine ? 'suggested' : 'drawn', score: machine ? 0.9 : null, made_at: '', geometry_type: 'box', geometry: { x, y, width, height },
    }),
  )
  engine.show(picture, new Document('', WIDTH, HEIGHT, objects))
  return { show: (scale, x, y) => engine.look({ scale, x, y }), end: () => engine.destroy() }
}
