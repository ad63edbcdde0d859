import type { Mount } from './scene'

/** The picture alone under a CSS transform: what is left is what the boxes cost. */
export const bare: Mount = async (host, image) => {
  const picture = new Image()
  picture.src = image
  await picture.decode()
  picture.style.cssText = 'position:absolute;left:0;top:0;transform-origin:0 0;will-change:transform'
  host.append(picture)
  return {
    show: (scale, x, y) => {
      picture.style.transform = `translate(${x}px,${y}px) scale(${scale})`
    },
    end: () => picture.remove(),
  }
}
