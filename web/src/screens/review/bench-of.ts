import { Document, suggested, type Labelled } from '@/canvas/document'
import { drafts, journal } from '@/canvas/keeping'
import { inMetres, onPlan } from '@/canvas/plan'
import { undo } from '@/shell/undo'
import type { ReviewItem, SampleObjects } from './data'
import { begun, operationsOf, standing } from './saving'
import type { Picture } from './pictures'

export type Work = {
  item: ReviewItem
  picture: Picture
  document: Document
  schema: string
  /** The newest number that is known of the sample's truth. */
  revision: number
  touched: boolean
  shownAt: number
}

/** The path under which a sample's objects are written. */
export const objectsPath = (sample: string): string => `/api/v1/samples/${sample}/objects`

/**
 * An item ready to be worked on. Blind work is kept on this machine until it is answered; other work goes to the sample's
 * truth step by step.
 */
export async function workOn(workspace: string, actor: string, item: ReviewItem, picture: Picture, truth: SampleObjects | null, before?: Work): Promise<Work> {
  const kept = (await drafts.get(item.id).catch(() => undefined)) as Labelled[] | undefined
  const own = item.answers.find((one) => item.kind === 'label' && one.objects)?.objects ?? null
  const first = truth ? begun(truth.objects, item.suggestions, truth.rejected) : (kept ?? own ?? (item.kind === 'adjudicate' ? agreed(item) : []))
  // Taken up again, it is the same document: what was done to it can still be undone.
  const document = before?.document ?? new Document(item.sample, picture.width, picture.height, first.map((one) => onPlan(whole(one), picture.ground)))
  document.actor = actor
  const work: Work = { item, picture, document, schema: item.schema, revision: Math.max(item.revision, truth?.revision ?? 0), touched: kept !== undefined || before !== undefined, shownAt: performance.now() }
  let since = performance.now()
  document.onStep = (step, how) => {
    work.touched = true
    const duration_s = Math.round(performance.now() - since) / 1000
    since = performance.now()
    if (how !== 'undo') undo.done({ label: step.name, undo: () => document.revert(step) }, true)
    if (truth) void journal.post(workspace, objectsPath(item.sample), { schema: item.schema, operations: operationsOf(step, duration_s).map((one) => inMetres(one, picture.ground)) }).catch(() => {})
    else void drafts.put(item.id, [...document.objects.values()]).catch(() => {})
  }
  if (before && truth) numbered(work, truth.objects)
  if (before && !truth) await drafts.put(item.id, [...document.objects.values()]).catch(() => {})
  return work
}

/** An object as an answer holds it, with what only a written one has. */
const whole = (one: Labelled): Labelled => ({ ...one, revision: one.revision ?? 0, attributes: one.attributes ?? {}, basis: one.basis || 'drawn', author: one.author ?? '', author_kind: one.author_kind ?? 'person', score: one.score ?? null })

/** What an adjudicator begins with: the answer that agrees most with the others. */
function agreed(item: ReviewItem): Labelled[] {
  const best = [...item.answers].filter((one) => one.objects).sort((a, b) => (b.agreement ?? 0) - (a.agreement ?? 0))[0]
  return (best?.objects ?? []).map((one) => ({ ...whole(one), author: best!.author }))
}

const MOST_IN_AN_ANSWER = 500

/** What is sent when an image is approved: nothing where what stands stays, else all that should stand. */
export function approval(work: Work, duration_s: number): Record<string, unknown> & { verb: string } {
  const all = [...work.document.objects.values()]
  const said = standing(all).map((one) => inMetres(one, work.picture.ground))
  const pending = journal.pending > 0
  const seen = pending || work.item.blind ? {} : { expected_revision: work.revision }
  if (work.item.kind === 'adjudicate') return { verb: 'adjudicate', objects: said, duration_s, ...seen }
  const whole_list = work.item.blind || (work.touched && all.length <= MOST_IN_AN_ANSWER)
  return whole_list ? { verb: work.item.blind ? 'approve' : 'fix', objects: said, duration_s, ...seen } : { verb: 'approve', duration_s, ...seen }
}

/** Takes over the numbers that the server gave to what was written. */
export function numbered(work: Work, written: readonly { id: string; revision: number }[]): void {
  for (const { id, revision } of written) {
    const one = work.document.objects.get(id)
    if (one && !suggested(one)) work.document.objects.set(id, { ...one, revision })
    work.revision = Math.max(work.revision, revision)
  }
}
