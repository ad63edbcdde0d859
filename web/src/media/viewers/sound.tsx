import { useQuery } from '@tanstack/react-query'
import { useEffect, useMemo } from 'react'
import { request } from '@/api/client'
import { usePicture } from '@/media/sheet'
import { Failed } from '@/ui/states'

const TYPES: Record<string, string> = { WAV: 'audio/wav', FLAC: 'audio/flac', OGG: 'audio/ogg', MP3: 'audio/mpeg' }

/** A recording to hear, over its spectrogram: low tones at the bottom, bright is loud. */
export function Sound({ sample, name, format, topHz }: { sample: string; name: string; format: string; topHz: number }) {
  const picture = usePicture(sample, 1600)
  const heard = useQuery({
    queryKey: ['media', sample],
    queryFn: async ({ signal }) => new Blob([await (await request(`/api/v1/samples/${encodeURIComponent(sample)}/media`, { signal })).arrayBuffer()], { type: TYPES[format] ?? 'audio/wav' }),
    staleTime: Infinity,
    gcTime: 30_000,
    structuralSharing: false,
    placeholderData: undefined,
  })
  const url = useMemo(() => (heard.data ? URL.createObjectURL(heard.data) : undefined), [heard.data])
  useEffect(() => () => void (url && URL.revokeObjectURL(url)), [url])
  const error = picture.error ?? heard.error
  if (error) return <Failed what="The recording" error={error} />
  return (
    <div className="flex h-full w-full flex-col gap-3">
      <div className="relative min-h-0 grow">
        {picture.url && <img src={picture.url} alt={`Spectrogram of ${name}`} className="h-full w-full rounded-md" />}
        {topHz > 0 && (
          <>
            <span className="num absolute top-1 left-1 rounded-sm bg-shade px-1 text-2xs text-white">{(topHz / 1000).toFixed(1)} kHz</span>
            <span className="num absolute bottom-1 left-1 rounded-sm bg-shade px-1 text-2xs text-white">0 kHz</span>
          </>
        )}
      </div>
      {/* eslint-disable-next-line jsx-a11y/media-has-caption */}
      <audio controls src={url} aria-label={`Play ${name}`} className="h-10 w-full shrink-0" />
    </div>
  )
}
