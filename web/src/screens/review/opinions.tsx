import { type Document, type Labelled } from '@/canvas/document'
import { newId } from '@/api/new-id'
import { overlap } from '@/canvas/shapes'
import { Button } from '@/ui/button'
import { count, percent } from '@/ui/format'
import { Tag } from '@/ui/marks'
import type { Opinion, ReviewItem } from './data'
import { initials } from './saving'

const SAME = 0.7

/** What each person said of the image, how far it agrees with the others, and verbs to take it over. */
export function Opinions({ item, document, shown, toggle }: { item: ReviewItem; document: Document; shown: boolean; toggle: () => void }) {
  return (
    <section aria-label="Answers of others" className="flex shrink-0 flex-col gap-1 border-b border-line p-3">
      <h2 className="flex items-center text-xs font-semibold">
        Answers
        <Button small look="quiet" keys="G" className="ml-auto" aria-pressed={shown} onClick={toggle}>
          {shown ? 'Hide' : 'Show'}
        </Button>
      </h2>
      {item.answers.map((one) => (
        <div key={one.author} className="num flex h-7 items-center gap-2 text-xs">
          <Tag title={one.author}>{initials(one.author)}</Tag>
          <span className="truncate text-ink-2">{said(one)}</span>
          {one.agreement != null && (
            <span className="ml-auto text-ink-3" title="Agreement with the others">
              {percent(one.agreement, 0)}
            </span>
          )}
          <Button small className={one.agreement == null ? 'ml-auto' : ''} onClick={() => take(document, one, true)} tip="Only what this person drew stays">
            Take all
          </Button>
          <Button small look="quiet" onClick={() => take(document, one, false)} tip="Adds what is not on the image yet">
            Add
          </Button>
        </div>
      ))}
    </section>
  )
}

function said(one: Opinion): string {
  const objects = one.objects ?? []
  const whole = objects.find((it) => it.id === '')
  if (one.verb === 'reject' || one.verb === 'skip') return one.verb === 'reject' ? 'rejected the image' : 'skipped'
  return whole && objects.length === 1 ? whole.label : `${count(objects.length)} objects`
}

/** Makes what one person drew stand: alone, or beside what is there and not the same. */
function take(document: Document, one: Opinion, alone: boolean): void {
  const there = [...document.objects.values()]
  const wanted = (one.objects ?? []).filter((it) => alone || !there.some((other) => other.label === it.label && (it.id === '' || overlap(other, it) > SAME)))
  const copies = wanted.map((it): Labelled => ({ ...it, id: it.id === '' ? '' : newId(), revision: 0, attributes: it.attributes ?? {}, author: one.author, author_kind: 'person', basis: 'drawn', score: null, made_at: '' }) as Labelled)
  const removed = alone ? there.filter((it) => !copies.some((copy) => copy.id === it.id)).map((it) => ({ id: it.id, before: it, after: null })) : []
  document.apply({ name: `Took ${initials(one.author)}'s objects`, changes: [...removed, ...copies.map((it) => ({ id: it.id, before: document.objects.get(it.id) ?? null, after: it }))] })
}
