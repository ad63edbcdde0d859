import { useQuery } from '@tanstack/react-query'
import { useParams } from '@tanstack/react-router'
import { lazy, Suspense, useMemo, type ReactNode } from 'react'
import { api, asked } from '@/api/client'
import { Progress } from '@/ui/states'
import type { Drawn } from './projected'

const Cloud = lazy(async () => ({ default: (await import('./cloud')).Cloud }))
const Measurement = lazy(async () => ({ default: (await import('./measurement')).Measurement }))
const Sound = lazy(async () => ({ default: (await import('./sound')).Sound }))
const Document = lazy(async () => ({ default: (await import('./document')).Document }))
const Clip = lazy(async () => ({ default: (await import('./clip')).Clip }))

const VIEWED = ['sweep', 'audio', 'document', 'clip']

/** The clips that browsers play; of others the picture is shown. */
const PLAYED = new Set(['MP4', 'WEBM'])

/** Whether a sample is more than its picture. */
export const hasViewer = (sample: { kind: string; reading: Record<string, unknown> }): boolean => VIEWED.includes(sample.kind) || !!sample.reading['quantity']

/** What a sample is looked at with: points are turned, measurements measured, sound heard, text read; else `children`, its picture. */
export function Medium({ sample, cuboids, children }: { sample: string; cuboids?: readonly Drawn[]; children: ReactNode }) {
  const { workspace = 'default' } = useParams({ strict: false })
  const query = useQuery({ ...asked(['samples', sample], () => api.GET('/api/v1/samples/{sample}', { params: { path: { sample } } })), placeholderData: undefined, staleTime: 60_000 })
  const found = query.data
  const corner = useMemo(() => ['min_x', 'min_y', 'min_z'].map((axis) => Number(query.data?.metadata[axis] ?? 0)), [query.data])
  if (!found) return children
  const reading = found.reading as { unit?: string; quantity?: string; palette?: 'grey' | 'iron' | 'rainbow' }
  const name = found.name
  const viewer =
    found.kind === 'sweep' ? <Cloud sample={sample} name={name} cuboids={cuboids} corner={corner} />
    : found.kind === 'audio' ? <Sound sample={sample} name={name} format={found.format} topHz={Number(found.metadata['sample_rate_hz'] ?? 0) / 2} />
    : found.kind === 'document' ? <Document sample={sample} name={name} />
    : found.kind === 'clip' && PLAYED.has(found.format) ? <Clip key={sample} sample={sample} workspace={workspace} name={name} fps={Number(found.metadata['fps'] ?? 0)} frames={Number(found.metadata['frames'] ?? 0)} />
    : reading.quantity ? <Measurement key={sample} sample={sample} name={name} width={found.width} height={found.height} unit={reading.unit ?? ''} quantity={reading.quantity} palette={reading.palette || 'grey'} />
    : null
  return viewer ? <Suspense fallback={<Progress busy />}>{viewer}</Suspense> : children
}
