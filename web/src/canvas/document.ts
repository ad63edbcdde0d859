import { bounds, extent, hits, overlap, type Rect, type Shape } from './shapes'
import { Spatial } from './spatial'
import { newId } from '@/api/new-id'

/** One labelled thing on a sample. `basis` is "suggested" while only a model says so. */
export type Labelled = Shape & {
  id: string
  revision: number
  label: string
  attributes: Record<string, unknown>
  author: string
  author_kind: string
  basis: string
  score: number | null
  made_at: string
  model_version?: string
}
export type Change = { id: string; before: Labelled | null; after: Labelled | null }
/** What one act of a person changed, whole: it is done, undone and sent as one. */
export type Step = { name: string; changes: Change[] }

/** The number of the track that an object is of, as MOT and videos tell it; null for none. */
export function trackOf(one: Pick<Labelled, 'attributes'>): number | null {
  const told = one.attributes?.['track_id'] ?? one.attributes?.['instance']
  return typeof told === 'number' ? told : null
}

export const suggested = (one: Labelled): boolean => one.basis === 'suggested'
export const inverse = (step: Step): Step => ({ name: step.name, changes: step.changes.map(({ id, before, after }) => ({ id, before: after, after: before })).reverse() })

/** The objects of one image, each change a step that can be taken back. */
export class Document {
  readonly objects = new Map<string, Labelled>()
  private space: Spatial
  private undone: Step[] = []
  /** Who changes the objects here; what a person changed is theirs. */
  actor = ''
  /** Told of every step that a person made, undone ones as their inverse. */
  onStep: (step: Step, how: 'do' | 'undo' | 'redo') => void = () => {}
  onChange: () => void = () => {}

  constructor(
    readonly sample: string,
    readonly width: number,
    readonly height: number,
    objects: readonly Labelled[] = [],
  ) {
    this.space = new Spatial(width, height)
    for (const one of objects) this.set(one)
  }

  private set(one: Labelled): void {
    this.objects.set(one.id, one)
    this.space.put(one.id, bounds(one))
  }

  private drop(id: string): void {
    this.objects.delete(id)
    this.space.remove(id)
  }

  private turn(step: Step): void {
    for (const { id, after } of step.changes) {
      if (after) this.set({ ...after, revision: this.objects.get(id)?.revision ?? after.revision })
      else this.drop(id)
    }
    this.onChange()
  }

  /** Makes the step; it becomes the newest that can be undone. */
  apply(made: Step): void {
    if (!made.changes.length) return
    const step = { ...made, changes: made.changes.map((one) => (one.after && this.actor ? { ...one, after: { ...one.after, author: this.actor } } : one)) }
    this.undone = []
    this.turn(step)
    this.onStep(step, 'do')
  }

  /** Takes a step back by making its inverse, saved or not. */
  revert(step: Step): void {
    this.undone.push(step)
    this.turn(inverse(step))
    this.onStep(inverse(step), 'undo')
  }

  redo(): Step | null {
    const step = this.undone.pop()
    if (!step) return null
    this.turn(step)
    this.onStep(step, 'redo')
    return step
  }

  /** Takes over what the server says, outside of undo. */
  replace(id: string, one: Labelled | null): void {
    if (one) this.set(one)
    else this.drop(id)
    this.onChange()
  }

  put(one: Labelled, name: string): void {
    this.apply({ name, changes: [{ id: one.id, before: this.objects.get(one.id) ?? null, after: one }] })
  }

  remove(ids: readonly string[], name: string): void {
    const there = ids.map((id) => this.objects.get(id)).filter((one) => one !== undefined)
    this.apply({ name, changes: there.map((one) => ({ id: one.id, before: one, after: null })) })
  }

  /** Proposals become what a person said, as they are. */
  accept(ids: readonly string[]): void {
    const open = ids.map((id) => this.objects.get(id)).filter((one) => one !== undefined && suggested(one)) as Labelled[]
    this.apply({ name: open.length === 1 ? `Accepted ${open[0]!.label}` : `Accepted ${open.length} proposals`, changes: open.map((one) => ({ id: one.id, before: one, after: { ...one, basis: 'accepted', author_kind: 'person' } })) })
  }

  /** Copies of another image's objects that are not here already (same class, bounds nearly the same), clipped by who draws. */
  repeat(from: readonly Labelled[], author: string): void {
    const here = [...this.objects.values()].filter((one) => !suggested(one))
    const fits = (box: Rect | null): boolean => box !== null && box.x + box.width <= this.width && box.y + box.height <= this.height
    const fresh = from.filter((one) => !suggested(one) && one.id !== '' && fits(bounds(one)) && !here.some((other) => other.label === one.label && overlap(other, one) > 0.9))
    const copies = fresh.filter((one) => one.geometry_type !== 'mask' || (one.geometry.size[0] === this.height && one.geometry.size[1] === this.width))
    this.apply({ name: `Repeated ${copies.length} objects`, changes: copies.map((one): Change => { const id = newId(); return { id, before: null, after: { ...one, id, revision: 0, author, basis: 'drawn', author_kind: 'person', score: null } } }) })
  }

  within(rect: Rect): Set<string> {
    return this.space.within(rect)
  }

  /** The shapes under a point, the smallest first. */
  under(x: number, y: number, slack: number): Labelled[] {
    const near = this.space.within({ x: x - slack, y: y - slack, width: 2 * slack, height: 2 * slack })
    const found = [...near].map((id) => this.objects.get(id)!).filter((one) => hits(one, x, y, slack))
    return found.map((one) => ({ one, size: extent(one) })).sort((a, b) => a.size - b.size).map(({ one }) => one)
  }
}
