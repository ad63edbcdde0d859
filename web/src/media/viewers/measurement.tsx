import { useQuery } from '@tanstack/react-query'
import { useRef, useState, type PointerEvent } from 'react'
import { api, asked } from '@/api/client'
import { Input } from '@/ui/field'
import { decimal } from '@/ui/format'
import { Select } from '@/ui/select'
import { Failed } from '@/ui/states'
import { usePicture } from '@/media/sheet'

type Box = { x: number; y: number; width: number; height: number }
type Palette = 'grey' | 'iron' | 'rainbow'
const PALETTES = [{ value: 'grey', label: 'Grey' }, { value: 'iron', label: 'Iron' }, { value: 'rainbow', label: 'Rainbow' }] as const

/** A picture of measurements: its range and palette may be chosen, and a rectangle drawn on it is measured. */
export function Measurement({ sample, name, width, height, unit, quantity, palette }: { sample: string; name: string; width: number; height: number; unit: string; quantity: string; palette: Palette }) {
  const [colours, setColours] = useState<Palette>(palette)
  const [low, setLow] = useState('')
  const [high, setHigh] = useState('')
  const [box, setBox] = useState<Box | null>(null)
  const from = useRef<{ x: number; y: number } | null>(null)
  const range = { ...(isNumber(low) && { low }), ...(isNumber(high) && { high }) }
  const empty = isNumber(low) && isNumber(high) && Number(low) >= Number(high)
  const picture = usePicture(sample, 1600, new URLSearchParams({ palette: colours, ...(empty ? {} : range) }).toString())
  const body = box ? { geometry_type: 'box', geometry: box } : { geometry_type: 'class', geometry: {} }
  const measured = useQuery({ ...asked(['measure', sample, body], () => api.POST('/api/v1/samples/{sample}/measure', { params: { path: { sample } }, body })), placeholderData: (before) => before })

  const place = (event: PointerEvent<HTMLElement>) => {
    const { left, top, width: wide, height: tall } = event.currentTarget.getBoundingClientRect()
    return { x: Math.min(width, Math.max(0, ((event.clientX - left) / wide) * width)), y: Math.min(height, Math.max(0, ((event.clientY - top) / tall) * height)) }
  }
  const drag = (event: PointerEvent<HTMLElement>) => {
    if (!from.current) return
    const to = place(event)
    const next = { x: Math.floor(Math.min(from.current.x, to.x)), y: Math.floor(Math.min(from.current.y, to.y)), width: Math.ceil(Math.abs(to.x - from.current.x)), height: Math.ceil(Math.abs(to.y - from.current.y)) }
    const fits = { ...next, width: Math.min(next.width, width - next.x), height: Math.min(next.height, height - next.y) }
    setBox(fits.width && fits.height ? fits : null)
  }
  const said = (value: number | null | undefined) => (value === null || value === undefined ? '—' : `${decimal(value, 2)} ${unit}`)
  return (
    <div className="flex h-full w-full flex-col gap-2">
      <div className="flex flex-wrap items-center gap-2 text-xs">
        <Select label="Palette" value={colours} onChange={setColours} options={PALETTES} />
        <Input aria-label={`Darkest, in ${unit || 'units'}`} placeholder="from" inputMode="decimal" value={low} onChange={(event) => setLow(event.target.value)} className="w-20" />
        <Input aria-label={`Brightest, in ${unit || 'units'}`} placeholder="to" inputMode="decimal" value={high} onChange={(event) => setHigh(event.target.value)} className="w-20" />
        <span className="text-ink-3">{unit}</span>
        {empty && <span className="text-crit">The range is empty.</span>}
        <dl className="num ml-auto flex flex-wrap gap-x-4" aria-live="polite" aria-label={box ? `${quantity} in the rectangle` : `${quantity} of the whole image`}>
          {([['lowest', measured.data?.lowest], ['mean', measured.data?.mean], ['median', measured.data?.median], ['highest', measured.data?.highest]] as const).map(([what, value]) => (
            <div key={what} className="flex gap-1">
              <dt className="text-ink-3">{what}</dt>
              <dd className="whitespace-nowrap">{said(value)}</dd>
            </div>
          ))}
        </dl>
      </div>
      {picture.error ? (
        <Failed what="The picture" error={picture.error} />
      ) : (
        <div className="flex min-h-0 grow items-center justify-center">
          <div
            className="relative max-h-full max-w-full cursor-crosshair touch-none"
            style={{ aspectRatio: `${width} / ${height}`, height: width > height * 1.6 ? undefined : '100%', width: width > height * 1.6 ? '100%' : undefined }}
            onPointerDown={(event) => {
              event.currentTarget.setPointerCapture(event.pointerId)
              from.current = place(event)
              setBox(null)
            }}
            onPointerMove={drag}
            onPointerUp={(event) => {
              drag(event)
              from.current = null
            }}
          >
            {picture.url && <img src={picture.url} alt={`${quantity} of ${name}`} draggable={false} className="h-full w-full select-none [image-rendering:pixelated]" />}
            {box && <span aria-hidden className="pointer-events-none absolute border border-ink outline outline-1 outline-bg" style={{ left: `${(100 * box.x) / width}%`, top: `${(100 * box.y) / height}%`, width: `${(100 * box.width) / width}%`, height: `${(100 * box.height) / height}%` }} />}
          </div>
        </div>
      )}
      {measured.error && <Failed what="The measurement" error={measured.error} />}
      <p className="text-2xs text-ink-3">{box ? `Rectangle ${box.width} × ${box.height} px at ${box.x}, ${box.y}. Click to measure the whole image.` : 'Drag a rectangle to measure it.'}</p>
    </div>
  )
}

const isNumber = (text: string): boolean => text.trim() !== '' && Number.isFinite(Number(text))
