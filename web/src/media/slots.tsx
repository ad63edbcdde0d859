import { useQuery } from '@tanstack/react-query'
import { useEffect } from 'react'
import { api, asked } from '@/api/client'
import { bindKeys } from '@/shell/keys'
import { cx } from '@/ui/classes'
import { alsoThumbs, useThumb } from './thumbs'

export type Member = { sample: string; slot: string; name: string; kind: string }

const NONE: readonly Member[] = []

/** The samples of one moment with this one, the main one first; none while they are not known, or where it is alone. */
export function useSlots(sample: string): readonly Member[] {
  const found = useQuery({ ...asked(['samples', sample, 'group'], () => api.GET('/api/v1/samples/{sample}/group', { params: { path: { sample } } })), enabled: !!sample, staleTime: 60_000, placeholderData: undefined })
  const members = found.data?.members ?? NONE
  return members.length > 1 ? members : NONE
}

type Props = {
  members: readonly Member[]
  shown: string
  onShow: (sample: string) => void
  /** The sample that is being labelled, where it is one of them. */
  labelled?: string
}

/** The slots of a group, side by side; Q and W go from one to the next. */
export function SlotStrip({ members, shown, onShow, labelled }: Props) {
  useEffect(() => alsoThumbs(members.map((one) => one.sample)), [members])
  useEffect(() => {
    if (!members.length) return
    const go = (by: number) => {
      const at = members.findIndex((one) => one.sample === shown)
      onShow(members[(at + by + members.length) % members.length]!.sample)
    }
    return bindKeys({
      w: { label: 'Next slot of the group', group: 'View', run: () => go(1) },
      q: { label: 'Previous slot of the group', group: 'View', run: () => go(-1) },
    })
  }, [members, shown, onShow])
  if (!members.length) return null
  return (
    <div role="group" aria-label="Slots of the group" className="flex h-16 shrink-0 items-center gap-1 overflow-x-auto border-t border-line bg-bg px-2">
      {members.map((one) => (
        <Slot key={one.sample} member={one} current={one.sample === shown} labelled={one.sample === labelled} onShow={onShow} />
      ))}
      <span className="ml-auto flex shrink-0 gap-1 pl-3 text-2xs text-ink-3 max-md:hidden">
        <kbd>Q</kbd> <kbd>W</kbd> switch
      </span>
    </div>
  )
}

function Slot({ member, current, labelled, onShow }: { member: Member; current: boolean; labelled: boolean; onShow: (sample: string) => void }) {
  const url = useThumb(member.sample)
  const name = member.slot || member.name
  return (
    <button type="button" aria-pressed={current} aria-label={`${name}${labelled ? ', being labelled' : ''}`} title={member.name} onClick={() => onShow(member.sample)} className={cx('relative h-12 w-20 shrink-0 overflow-hidden rounded-sm bg-well', current ? 'outline-2 outline-ink' : 'outline-1 outline-line hover:outline-line-strong')}>
      {url && <img src={url} alt="" draggable={false} className="size-full object-cover" />}
      <span className="absolute inset-x-0 bottom-0 flex items-center gap-1 truncate bg-bg/85 px-1 text-left text-2xs leading-4 text-ink">
        <span className="truncate">{name}</span>
        {labelled && <span className="ml-auto text-ink-2">labelling</span>}
      </span>
    </button>
  )
}
