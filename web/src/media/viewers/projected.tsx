import { useQuery } from '@tanstack/react-query'
import { useEffect, useMemo, useRef, useState } from 'react'
import { api, asked, request } from '@/api/client'
import type { Solid } from '@/canvas/plan'
import { edgesOn } from '../pinhole'
import { useSensors } from '../sensors'
import { usePicture } from '../sheet'
import type { Member } from '../slots'
import { RAINBOW } from './cloud-paint'

export type Drawn = { id: string; label: string; solid: Solid; colour: string; chosen?: boolean }
const NEAR_M = 4
const FAR_M = 50
const FINEST = 60_000

/** An image with the points of its group's sweep, coloured by depth, and cuboids drawn through its lens. */
export function Projected({ image, sweep, cuboids, points, name }: { image: Member; sweep: Member; cuboids: readonly Drawn[]; points: boolean; name: string }) {
  const sensors = useSensors(image.sample)
  const found = useQuery({ ...asked(['samples', image.sample], () => api.GET('/api/v1/samples/{sample}', { params: { path: { sample: image.sample } } })), placeholderData: undefined, staleTime: 60_000 })
  const seen = useQuery({
    queryKey: ['projection', image.sample],
    queryFn: async ({ signal }) => new Float32Array(await (await request(`/api/v1/samples/${encodeURIComponent(image.sample)}/projection?most=${FINEST}`, { signal })).arrayBuffer()),
    enabled: points,
    staleTime: Infinity,
    gcTime: 30_000,
    structuralSharing: false,
    placeholderData: undefined,
  })
  const picture = usePicture(image.sample, 1600)
  const canvas = useRef<HTMLCanvasElement>(null)
  const frame = useRef<HTMLDivElement>(null)
  const [size, setSize] = useState({ width: 0, height: 0 })
  useEffect(() => {
    const element = frame.current!
    const watcher = new ResizeObserver(() => setSize({ width: element.clientWidth, height: element.clientHeight }))
    watcher.observe(element)
    return () => watcher.disconnect()
  }, [])
  const sample = found.data
  const scale = sample ? Math.min(size.width / sample.width, size.height / sample.height) : 0
  const [camera, lidar] = [sensors?.[image.slot], sensors?.[sweep.slot]]
  const lines = useMemo(() => (camera && lidar ? cuboids.map((one) => ({ one, lines: edgesOn(one.solid, lidar, camera) })) : []), [cuboids, camera, lidar])
  const shown = points ? seen.data : undefined
  useEffect(() => {
    const drawn = canvas.current
    if (!drawn || !sample || !scale) return
    const ratio = devicePixelRatio
    drawn.width = Math.round(sample.width * scale * ratio)
    drawn.height = Math.round(sample.height * scale * ratio)
    const pen = drawn.getContext('2d')!
    pen.setTransform(scale * ratio, 0, 0, scale * ratio, 0, 0)
    if (shown) {
      const dot = 1.6 / scale
      for (let at = 0; at < shown.length; at += 4) {
        const far = Math.log(shown[at + 2]! / NEAR_M) / Math.log(FAR_M / NEAR_M)
        pen.fillStyle = `#${RAINBOW[RAINBOW.length - 1 - Math.max(0, Math.min(RAINBOW.length - 1, Math.floor(far * RAINBOW.length)))]!.toString(16).padStart(6, '0')}`
        pen.fillRect(shown[at]! - dot / 2, shown[at + 1]! - dot / 2, dot, dot)
      }
    }
    for (const { one, lines: edges } of lines) {
      for (const [colour, width] of [['rgba(0,0,0,.7)', one.chosen ? 4.5 : 3], [one.colour, one.chosen ? 2.5 : 1.5]] as const) {
        pen.strokeStyle = colour
        pen.lineWidth = width / scale
        pen.beginPath()
        for (const line of edges) line.forEach(([x, y], index) => (index ? pen.lineTo(x, y) : pen.moveTo(x, y)))
        pen.stroke()
      }
    }
  }, [sample, scale, shown, lines])
  return (
    <div ref={frame} className="flex h-full w-full items-center justify-center overflow-hidden">
      <div className="relative overflow-hidden" style={{ width: (sample?.width ?? 0) * scale, height: (sample?.height ?? 0) * scale }}>
        {picture.url && <img src={picture.url} alt={name} draggable={false} className="size-full" />}
        <canvas ref={canvas} aria-hidden className="pointer-events-none absolute inset-0 size-full" />
      </div>
    </div>
  )
}
