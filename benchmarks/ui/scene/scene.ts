/** The scene that every canvas shows: a picture of 3840 x 2160 and seeded boxes, two thirds of them a model's. */
export const WIDTH = 3840
export const HEIGHT = 2160
export type Box = { id: string; x: number; y: number; width: number; height: number; label: number; machine: boolean }
/** One canvas with the scene on it. `show` puts the image's point (0, 0) at (x, y) of the stage, `scale` times as large. */
export type Subject = { show: (scale: number, x: number, y: number) => void; end: () => void }
export type Mount = (stage: HTMLElement, image: string, boxes: Box[]) => Promise<Subject>
export const HUES = ['#6FB1FF', '#FFB454', '#FF7A8A', '#9BD770', '#C79BFF', '#4FD6C9', '#F2D95C', '#E58BD0']

/** Boxes by mulberry32, the same for the same seed. */
export function boxes(count: number, seed = 7): Box[] {
  let state = seed
  const random = () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
  return Array.from({ length: count }, (_, index) => {
    const width = 20 + random() * 140
    const height = 20 + random() * 110
    return { id: `b${index}`, x: random() * (WIDTH - width), y: random() * (HEIGHT - height), width, height, label: Math.floor(random() * 8), machine: random() < 2 / 3 }
  })
}
