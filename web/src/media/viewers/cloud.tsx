import { useQuery } from '@tanstack/react-query'
import { Maximize } from 'lucide-react'
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'react'
import { request } from '@/api/client'
import { Button } from '@/ui/button'
import { count } from '@/ui/format'
import { Select } from '@/ui/select'
import { Failed, Progress } from '@/ui/states'
import { paintsCloud, type CloudPainter } from './cloud-paint'
import { cornersOf, EDGES } from '../pinhole'
import type { Drawn } from './projected'
import { framed, matrix, moved, nearer, turned, type Orbit } from './orbit'

const MOST = 500_000
const TURN = Math.PI / 36
const NONE: readonly Drawn[] = []
const ORIGIN: readonly number[] = [0, 0, 0]

/** A point cloud to turn: drag turns, Shift and drag moves, the wheel goes nearer; so do the arrow keys, plus and minus. */
export function Cloud({ sample, name, cuboids = NONE, corner = ORIGIN }: { sample: string; name: string; cuboids?: readonly Drawn[]; corner?: readonly number[] }) {
  const found = useQuery({
    queryKey: ['points', sample],
    queryFn: async ({ signal }) => new Float32Array(await (await request(`/api/v1/samples/${encodeURIComponent(sample)}/points?most=${MOST}`, { signal })).arrayBuffer()),
    staleTime: Infinity,
    gcTime: 30_000,
    structuralSharing: false,
    placeholderData: undefined,
  })
  if (found.error) return <Failed what="The points" error={found.error} retry={() => void found.refetch()} />
  if (!found.data) return <Progress busy />
  return <Turning points={found.data} name={name} cuboids={cuboids} corner={corner} key={sample} />
}

function Turning({ points, name, cuboids, corner }: { points: Float32Array; name: string; cuboids: readonly Drawn[]; corner: readonly number[] }) {
  const canvas = useRef<HTMLCanvasElement>(null)
  const painter = useRef<CloudPainter | null>(null)
  const { low, high } = useMemo(() => ends(points), [points])
  const first = useMemo(() => framed(low, high), [low, high])
  const orbit = useRef(first)
  const due = useRef(0)
  const [by, setBy] = useState<'height' | 'intensity'>('height')
  const [absent, setAbsent] = useState(false)
  const lines = useRef(edgesOf(cuboids, corner))
  lines.current = useMemo(() => edgesOf(cuboids, corner), [cuboids, corner])
  const how = useRef(by)
  how.current = by

  const draw = useRef(() => {
    due.current = 0
    const drawn = canvas.current
    if (!drawn || !painter.current) return
    const ratio = devicePixelRatio
    drawn.width = Math.max(1, Math.round(drawn.clientWidth * ratio))
    drawn.height = Math.max(1, Math.round(drawn.clientHeight * ratio))
    painter.current.draw(matrix(orbit.current, drawn.width / drawn.height), { size: sizeOf(points.length / 4) * ratio, byIntensity: how.current === 'intensity', low: low[2]!, high: high[2]! }, lines.current)
  }).current
  const ask = (next: Orbit = orbit.current) => {
    orbit.current = next
    if (!due.current) due.current = requestAnimationFrame(draw)
  }

  useLayoutEffect(() => {
    painter.current = paintsCloud(canvas.current!, points)
    setAbsent(!painter.current)
    const watcher = new ResizeObserver(() => ask())
    watcher.observe(canvas.current!)
    const wheel = (event: WheelEvent) => {
      event.preventDefault()
      ask(nearer(orbit.current, Math.exp(-event.deltaY / 500)))
    }
    const on = canvas.current!
    on.addEventListener('wheel', wheel, { passive: false })
    return () => {
      watcher.disconnect()
      on.removeEventListener('wheel', wheel)
      cancelAnimationFrame(due.current)
      due.current = 0
      painter.current?.end()
    }
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [points])
  useEffect(() => ask())

  const keys: Record<string, () => Orbit> = {
    ArrowLeft: () => turned(orbit.current, -TURN, 0),
    ArrowRight: () => turned(orbit.current, TURN, 0),
    ArrowUp: () => turned(orbit.current, 0, TURN),
    ArrowDown: () => turned(orbit.current, 0, -TURN),
    '+': () => nearer(orbit.current, 1.25),
    '-': () => nearer(orbit.current, 0.8),
    '0': () => first,
  }
  return (
    <div className="flex h-full w-full flex-col">
      <div className="flex flex-wrap items-center gap-2 pb-2 text-xs text-ink-2">
        <span className="num whitespace-nowrap">{count(points.length / 4)} points shown</span>
        <span className="num whitespace-nowrap">
          {[0, 1, 2].map((axis) => (high[axis]! - low[axis]!).toFixed(1)).join(' × ')} m
        </span>
        <span className="ml-auto" />
        <Select label="Colour points by" value={by} onChange={setBy} options={[{ value: 'height', label: 'by height' }, { value: 'intensity', label: 'by intensity' }]} />
        <Button small icon={<Maximize size={13} />} onClick={() => ask(first)} keys="0">
          All
        </Button>
      </div>
      {absent && <p className="text-ink-2">This browser draws no points: it has no WebGL 2.</p>}
      <canvas
        ref={canvas}
        tabIndex={0}
        role="img"
        aria-label={`Point cloud ${name}. Arrow keys turn it, plus and minus go nearer and farther, 0 shows all.`}
        className="min-h-0 w-full grow cursor-grab touch-none rounded-md bg-well"
        onKeyDown={(event) => {
          const next = keys[event.key]
          if (!next) return
          event.preventDefault()
          event.stopPropagation()
          ask(next())
        }}
        onPointerDown={(event) => event.currentTarget.setPointerCapture(event.pointerId)}
        onPointerMove={(event) => {
          if (!event.buttons) return
          const tall = event.currentTarget.clientHeight
          ask(event.shiftKey || event.buttons === 4 ? moved(orbit.current, -event.movementX / tall, event.movementY / tall) : turned(orbit.current, (-event.movementX / tall) * Math.PI, (event.movementY / tall) * Math.PI))
        }}
      />
    </div>
  )
}

/** How wide a point is, CSS pixels: few are drawn larger, so that they can be seen. */
const sizeOf = (points: number): number => Math.min(6, Math.max(2, 120 / Math.sqrt(points)))

/** The edges of cuboids, relative to the corner that the points are given from. */
function edgesOf(cuboids: readonly Drawn[], corner: readonly number[]): { ends: Float32Array; colours: Float32Array } {
  const each = EDGES.length * 6
  const found = { ends: new Float32Array(cuboids.length * each), colours: new Float32Array(cuboids.length * each) }
  cuboids.forEach((one, number) => {
    const corners = cornersOf(one.solid)
    const rgb = [1, 3, 5].map((at) => parseInt(one.colour.slice(at, at + 2), 16) / 255)
    EDGES.flat().forEach((place, at) => {
      for (let axis = 0; axis < 3; axis++) {
        found.ends[number * each + 3 * at + axis] = corners[place]![axis]! - corner[axis]!
        found.colours[number * each + 3 * at + axis] = rgb[axis]!
      }
    })
  })
  return found
}

function ends(points: Float32Array): { low: number[]; high: number[] } {
  const low = [Infinity, Infinity, Infinity]
  const high = [-Infinity, -Infinity, -Infinity]
  for (let at = 0; at < points.length; at += 4) {
    for (let axis = 0; axis < 3; axis++) {
      const value = points[at + axis]!
      if (value < low[axis]!) low[axis] = value
      if (value > high[axis]!) high[axis] = value
    }
  }
  return { low, high }
}
