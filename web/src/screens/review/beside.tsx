import { lazy, Suspense, useCallback, useEffect, useMemo, useState, type ReactNode } from 'react'
import type { Labelled } from '@/canvas/document'
import type { Engine } from '@/canvas/engine'
import { solids, type Ground } from '@/canvas/plan'
import { usePicture } from '@/media/sheet'
import { SlotStrip, useSlots, type Member } from '@/media/slots'
import { Medium } from '@/media/viewers/medium'
import type { Drawn } from '@/media/viewers/projected'
import { Failed } from '@/ui/states'
import { colourOf, type Schema } from './data'
import { useEngine } from './stage'

const Projected = lazy(async () => ({ default: (await import('@/media/viewers/projected')).Projected }))

const PICTURES = ['image', 'frame']

/** The cuboids of an image or a sweep as viewers draw them. */
export const drawnOf = (objects: Iterable<Labelled>, schema: Schema, ground?: Ground, chosen = ''): Drawn[] => solids(objects, ground).map((one) => ({ ...one, colour: colourOf(schema, one.label), chosen: one.id === chosen }))

/** The other samples of the moment that is being labelled: `strip` to switch between them, `over` what covers the image meanwhile. */
export function useBeside(sample: string) {
  const members = useSlots(sample)
  const [looked, look] = useState({ of: sample, sample })
  const shown = looked.of === sample ? looked.sample : sample
  const onShow = useCallback((other: string) => look({ of: sample, sample: other }), [sample])
  useEffect(() => look({ of: sample, sample }), [sample])
  return {
    members,
    shown,
    strip: <SlotStrip members={members} shown={shown} onShow={onShow} labelled={sample} />,
    over: shown !== sample && <Other key={shown} sample={shown} name={members.find((one) => one.sample === shown)?.name ?? shown} />,
  }
}

function Other({ sample, name }: { sample: string; name: string }) {
  const picture = usePicture(sample, 1600)
  return (
    <div className="absolute inset-0 z-10 flex items-center justify-center bg-well p-3" role="region" aria-label={`Beside it: ${name}`}>
      <Medium sample={sample}>{picture.error ? <Failed what="The picture" error={picture.error} /> : picture.url && <img src={picture.url} alt={name} className="max-h-full max-w-full object-contain" />}</Medium>
    </div>
  )
}

/** The sweep that is labelled, on an image of its group and in space: its cuboids follow every change. */
export function Through({ engine, ground, schema, beside }: { engine: Engine; ground: Ground; schema: Schema; beside: ReturnType<typeof useBeside> }): ReactNode {
  const version = useEngine(engine)
  const { members, shown } = beside
  const sweep = members.find((one) => one.sample === engine.document.sample)
  const image = members.find((one) => one.sample === shown && PICTURES.includes(one.kind)) ?? members.find((one) => PICTURES.includes(one.kind))
  // eslint-disable-next-line react-hooks/exhaustive-deps -- the engine changes in place, which `version` tells
  const cuboids = useMemo(() => drawnOf(engine.document.objects.values(), schema, ground, engine.selected), [engine, ground, schema, version])
  if (!sweep || !image) return null
  const whole = shown === image.sample
  return (
    <div role="region" aria-label={`On ${image.slot}`} className={whole ? 'absolute inset-0 z-20 bg-well p-3' : 'pointer-events-none absolute bottom-3 right-3 z-10 h-1/3 w-2/5 overflow-hidden rounded-md border border-line-strong bg-well'}>
      <Suspense fallback={null}>
        <Projected image={image} sweep={sweep} cuboids={cuboids} points={whole} name={image.name} />
      </Suspense>
    </div>
  )
}

/** An image of a group with what its sweep shows: points by depth, and the cuboids that stand on it. */
export function OverImage({ image, sweep, cuboids }: { image: Member; sweep: Member; cuboids: readonly Drawn[] }) {
  return (
    <Suspense fallback={null}>
      <Projected image={image} sweep={sweep} cuboids={cuboids} points name={image.name} />
    </Suspense>
  )
}
