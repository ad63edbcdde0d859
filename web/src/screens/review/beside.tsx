import { useCallback, useEffect, useState } from 'react'
import { usePicture } from '@/media/sheet'
import { SlotStrip, useSlots } from '@/media/slots'
import { Medium } from '@/media/viewers/medium'
import { Failed } from '@/ui/states'

/** The other samples of the moment that is being labelled: `strip` to switch between them, `over` what covers the image meanwhile. */
export function useBeside(sample: string) {
  const members = useSlots(sample)
  const [looked, look] = useState({ of: sample, sample })
  const shown = looked.of === sample ? looked.sample : sample
  const onShow = useCallback((other: string) => look({ of: sample, sample: other }), [sample])
  useEffect(() => look({ of: sample, sample }), [sample])
  return {
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
