import { useCallback, useEffect, useState } from 'react'
import { type Labelled } from '@/canvas/document'
import { newId } from '@/api/new-id'
import type { Entry } from '@/canvas/journal'
import { journal, onAnswer } from '@/canvas/keeping'
import { onPlan } from '@/canvas/plan'
import { Button } from '@/ui/button'
import { objectsPath, type Work } from './bench-of'

export type Clash = { entry: Entry; mine: Labelled | null; theirs: Labelled | null; revision: number }
export type ConflictList = { items: Clash[]; reload: () => void }

/** What somebody else changed at the same time on this image: kept until one of the two was chosen, over reloads too. */
export function useConflicts(workspace: string, work: Work | null): ConflictList {
  const [items, setItems] = useState<Clash[]>([])
  const path = work && !work.item.blind ? objectsPath(work.item.sample) : ''
  const schema = work?.schema
  const ground = work?.picture.ground
  const reload = useCallback(() => {
    if (!path) return setItems([])
    void journal.conflicts(workspace, path).then((found) =>
      setItems(
        found
          .filter((one) => one.body.schema === schema)
          .map((entry) => {
            const operation = entry.body.operations![0]!
            const { object, op, expected_revision: _, duration_s: __, ...said } = operation
            return { entry, mine: op === 'remove' ? null : onPlan({ ...said, id: object, revision: 0, author: '', author_kind: 'person', score: null, made_at: '' } as unknown as Labelled, ground), theirs: entry.conflict!.theirs ? onPlan(entry.conflict!.theirs as Labelled, ground) : null, revision: entry.conflict!.revision }
          }),
      ),
    )
  }, [workspace, path, schema, ground])
  useEffect(reload, [reload])
  useEffect(() => onAnswer((_, answer) => answer.conflicts?.length && reload()), [reload])
  return { items, reload }
}

/** Mine and theirs side by side; the image shows theirs in amber. */
export function Conflicts({ list, work, workspace }: { list: ConflictList; work: Work; workspace: string }) {
  if (!list.items.length) return null
  const choose = async (clash: Clash, which: 'mine' | 'theirs' | 'both'): Promise<void> => {
    const { entry, mine, theirs, revision } = clash
    const operation = entry.body.operations![0]!
    const { document } = work
    if (which === 'mine') {
      document.replace(operation.object, mine && { ...mine, revision })
      void journal.post(workspace, entry.path, { ...entry.body, operations: [{ ...operation, expected_revision: revision }] }).catch(() => {})
    } else document.replace(operation.object, theirs)
    if (which === 'both' && mine) document.put({ ...mine, id: newId(), revision: 0, basis: 'drawn' }, `Kept both ${mine.label}`)
    await journal.settle(entry)
    list.reload()
  }
  return (
    <section aria-label="Conflicts" role="alert" className="flex shrink-0 flex-col gap-2 border-b border-line bg-warn-bg p-3 text-xs">
      <h2 className="font-semibold text-warn">{list.items.length === 1 ? 'Somebody changed this object meanwhile' : `Somebody changed ${list.items.length} objects meanwhile`}</h2>
      {list.items.slice(0, 5).map((clash) => (
        <div key={clash.entry.id} className="flex flex-col gap-1">
          <div className="grid grid-cols-2 gap-2">
            <Side name="Mine" one={clash.mine} />
            <Side name={clash.theirs ? `Theirs (${clash.theirs.author})` : 'Theirs'} one={clash.theirs} />
          </div>
          <div className="flex gap-1">
            <Button small onClick={() => void choose(clash, 'mine')}>
              Keep mine
            </Button>
            <Button small onClick={() => void choose(clash, 'theirs')}>
              Take theirs
            </Button>
            {clash.mine && clash.theirs && (
              <Button small onClick={() => void choose(clash, 'both')}>
                Keep both
              </Button>
            )}
          </div>
        </div>
      ))}
    </section>
  )
}

function Side({ name, one }: { name: string; one: Labelled | null }) {
  return (
    <div className="min-w-0">
      <div className="truncate text-2xs text-ink-2">{name}</div>
      <div className="truncate">{one ? one.label : 'removed'}</div>
    </div>
  )
}
