import { annotorious } from './annotorious'
import { bare } from './bare'
import { konva } from './konva'
import { ours } from './ours'
import { boxes, HEIGHT, type Mount, type Subject, WIDTH } from './scene'

const SUBJECTS: Record<string, Mount> = { ours, konva, annotorious, bare }
let subject: Subject | null = null

/** Mounts a subject; returns the milliseconds until its first frame is done. */
async function mount(name: string, count: number): Promise<number> {
  subject?.end()
  const stage = document.getElementById('stage')!
  stage.replaceChildren()
  const began = performance.now()
  subject = await SUBJECTS[name]!(stage, '/picture.jpg', boxes(count))
  subject.show(0.36, 0, 0)
  await frame()
  await frame()
  return performance.now() - began
}

/** Pans in a circle, one step a frame, and zooms too if asked; returns the number of frames. */
async function move(frames: number, zooming: boolean): Promise<number> {
  for (let index = 0; index < frames; index++) {
    const turn = (index / 60) * 2 * Math.PI
    const scale = 0.5 + (zooming ? 0.14 * Math.sin(turn) : 0)
    subject!.show(scale, 700 - (WIDTH * scale) / 2 + 180 * Math.cos(turn), 400 - (HEIGHT * scale) / 2 + 120 * Math.sin(turn))
    await frame()
  }
  return frames
}

const frame = () => new Promise<number>((done) => requestAnimationFrame(done))

Object.assign(window, { bench: { mount, move, subjects: Object.keys(SUBJECTS) } })
