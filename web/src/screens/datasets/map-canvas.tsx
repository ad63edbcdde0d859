import { useEffect, useLayoutEffect, useRef, useState } from 'react'
import { bindKeys } from '@/shell/keys'
import { useTheme } from '@/shell/theme'
import { inside, nearest } from '@/media/places'
import { drawsPoints, fitted, onCanvas, onMap, zoomed, type Camera, type Points } from '@/media/points'

export type Caption = { x: number; y: number; text: string; sub: string }
type Props = {
  places: Float32Array
  colours: Uint8Array
  states: Uint8Array
  captions: readonly Caption[]
  label: string
  lassoing: boolean
  onLasso: (found: Uint32Array, more: boolean) => void
  onHover: (one: number) => void
  onPick: (one: number) => void
  absent: React.ReactNode
}

/** A colour of the page as red, green and blue from 0 to 255. */
export function rgb(css: string): [number, number, number] {
  const canvas = document.createElement('canvas')
  canvas.width = canvas.height = 1
  const flat = canvas.getContext('2d', { willReadFrequently: true })!
  flat.fillStyle = css.startsWith('--') ? getComputedStyle(document.documentElement).getPropertyValue(css).trim() : css
  flat.fillRect(0, 0, 1, 1)
  const [red = 0, green = 0, blue = 0] = flat.getImageData(0, 0, 1, 1).data
  return [red, green, blue]
}

/** The points: drag moves, the wheel zooms, Shift and drag draws a lasso. Nothing here renders again while one moves. */
export function MapCanvas({ places, colours, states, captions, label, lassoing, onLasso, onHover, onPick, absent }: Props) {
  const frame = useRef<HTMLDivElement>(null)
  const canvas = useRef<HTMLCanvasElement>(null)
  const line = useRef<SVGPolylineElement>(null)
  const words = useRef<HTMLDivElement>(null)
  const points = useRef<Points | null>(null)
  const camera = useRef<Camera | null>(null)
  const box = useRef({ width: 0, height: 0 })
  const due = useRef(0)
  const theme = useTheme()
  const [missing, setMissing] = useState(false)
  const now = useRef({ places, colours, states, captions, onHover })
  now.current = { places, colours, states, captions, onHover }

  const draw = useRef(() => {
    due.current = 0
    const { width, height } = box.current
    if (!width || !points.current || !camera.current) return
    points.current.draw(camera.current, width, height, devicePixelRatio)
    now.current.captions.forEach((one, at) => {
      const word = words.current?.children[at] as HTMLElement | undefined
      if (!word) return
      const [x, y] = onCanvas(camera.current!, width, height, one.x, one.y)
      word.style.transform = `translate(${Math.round(x)}px, ${Math.round(y)}px) translate(-50%, -50%)`
      word.style.visibility = x < 0 || y < 0 || x > width || y > height ? 'hidden' : 'visible'
    })
  }).current
  const ask = useRef(() => {
    if (!due.current) due.current = requestAnimationFrame(draw)
  }).current

  useLayoutEffect(() => {
    const [red, green, blue] = rgb('--ink')
    points.current = drawsPoints(canvas.current!, [red / 255, green / 255, blue / 255])
    if (!points.current) return setMissing(true)
    points.current.place(now.current.places)
    points.current.paint(now.current.colours, now.current.states)
    ask()
  }, [theme, ask])
  useLayoutEffect(() => {
    points.current?.place(places)
    points.current?.paint(colours, states)
    ask()
  }, [places, colours, states, ask])
  useLayoutEffect(ask, [captions, ask])
  useEffect(() => {
    const element = frame.current!
    const seen = new ResizeObserver(() => {
      box.current = { width: element.clientWidth, height: element.clientHeight }
      camera.current ??= fitted(box.current.width, box.current.height)
      ask()
    })
    seen.observe(element)
    const wheel = (event: WheelEvent) => {
      event.preventDefault()
      if (!camera.current) return
      const at = element.getBoundingClientRect()
      camera.current = zoomed(camera.current, box.current.width, box.current.height, event.clientX - at.left, event.clientY - at.top, Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0015)))
      ask()
    }
    element.addEventListener('wheel', wheel, { passive: false })
    const by = (factor: number) => () => {
      if (!camera.current) return
      const { width, height } = box.current
      camera.current = zoomed(camera.current, width, height, width / 2, height / 2, factor)
      ask()
    }
    const unbind = bindKeys({
      '+': { label: 'Zoom in', run: by(1.5) },
      '=': { label: 'Zoom in', run: by(1.5), hidden: true },
      '-': { label: 'Zoom out', run: by(1 / 1.5) },
      f: { label: 'Fit the map', run: () => ((camera.current = fitted(box.current.width, box.current.height)), ask()) },
    })
    return () => {
      seen.disconnect()
      element.removeEventListener('wheel', wheel)
      unbind()
      cancelAnimationFrame(due.current)
      due.current = 0
    }
  }, [ask])

  const hand = useRef<{ kind: 'pan' | 'lasso'; x: number; y: number; moved: boolean; trail: number[] } | null>(null)
  const spot = (event: React.PointerEvent): [number, number] => {
    const at = frame.current!.getBoundingClientRect()
    return [event.clientX - at.left, event.clientY - at.top]
  }
  const under = (px: number, py: number): number => {
    if (!camera.current) return -1
    const [x, y] = onMap(camera.current, box.current.width, box.current.height, px, py)
    return nearest(now.current.places, x, y, 8 / camera.current.scale, (one) => now.current.states[one]! > 0)
  }
  if (missing) return absent
  return (
    <div
      ref={frame}
      tabIndex={0}
      role="application"
      aria-label={label}
      className="relative size-full touch-none overflow-hidden bg-well"
      style={{ cursor: lassoing ? 'crosshair' : 'default' }}
      onPointerDown={(event) => {
        if (event.button !== 0) return
        const [x, y] = spot(event)
        event.currentTarget.setPointerCapture(event.pointerId)
        hand.current = { kind: event.shiftKey || lassoing ? 'lasso' : 'pan', x, y, moved: false, trail: [x, y] }
      }}
      onPointerMove={(event) => {
        const [x, y] = spot(event)
        const held = hand.current
        if (!held || !camera.current) return now.current.onHover(under(x, y))
        const far = Math.hypot(x - held.x, y - held.y)
        if (held.kind === 'pan') {
          if (far < 3 && !held.moved) return
          held.moved = true
          camera.current = { ...camera.current, x: camera.current.x - (x - held.x) / camera.current.scale, y: camera.current.y + (y - held.y) / camera.current.scale }
          held.x = x
          held.y = y
          ask()
        } else if (far >= 4) {
          held.moved = true
          held.trail.push(x, y)
          held.x = x
          held.y = y
          line.current?.setAttribute('points', held.trail.join(' '))
        }
      }}
      onPointerUp={(event) => {
        const held = hand.current
        hand.current = null
        line.current?.setAttribute('points', '')
        if (!held || !camera.current) return
        const [x, y] = spot(event)
        if (!held.moved) return onPick(under(x, y))
        if (held.kind === 'pan') return
        const path: number[] = []
        for (let at = 0; at < held.trail.length; at += 2) path.push(...onMap(camera.current, box.current.width, box.current.height, held.trail[at]!, held.trail[at + 1]!))
        onLasso(inside(now.current.places, path), event.ctrlKey || event.metaKey)
      }}
      onKeyDown={(event) => {
        const by = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key]
        if (!by || !camera.current) return
        event.preventDefault()
        camera.current = { ...camera.current, x: camera.current.x + (60 * by[0]!) / camera.current.scale, y: camera.current.y + (60 * by[1]!) / camera.current.scale }
        ask()
      }}
      onPointerLeave={() => now.current.onHover(-1)}
    >
      <canvas key={theme} ref={canvas} className="absolute inset-0 size-full" aria-hidden />
      <svg className="pointer-events-none absolute inset-0 size-full" aria-hidden>
        <polyline ref={line} fill="var(--sel-bg)" stroke="var(--sel)" strokeWidth={1.5} strokeLinejoin="round" />
      </svg>
      <div ref={words} className="pointer-events-none absolute inset-0" aria-hidden>
        {captions.map((one, at) => (
          <span key={at} className="absolute left-0 top-0 flex items-center gap-1 whitespace-nowrap rounded-sm bg-bg/70 px-1 text-2xs leading-4 text-ink">
            {one.text} <span className="num text-ink-2">{one.sub}</span>
          </span>
        ))}
      </div>
    </div>
  )
}
