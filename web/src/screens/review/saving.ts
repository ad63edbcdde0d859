import type { Labelled, Step } from '@/canvas/document'
import { suggested } from '@/canvas/document'
import type { Operation } from '@/canvas/journal'

/** What the server is told of a step. An undone rejection is a "restore". */
export function operationsOf(step: Step, duration_s: number): Operation[] {
  return step.changes.map(({ id, before, after }, index): Operation => {
    const expected_revision = (before ?? after)!.revision
    if (after && suggested(after) && !before) return { op: 'restore', object: id, expected_revision }
    if (!after || suggested(after)) return { op: 'remove', object: id, expected_revision }
    const { label, geometry_type, geometry, attributes, basis } = after
    return { op: 'put', object: id, expected_revision, label, geometry_type, geometry, attributes, basis, duration_s: index ? 0 : duration_s }
  })
}

/** What a person says of an object that is not theirs and stays as it is. */
const SAID = ['drawn', 'accepted', 'corrected']

/** What should stand on the image, as an answer lists it; proposals and imports that nobody touched count as accepted. */
export const standing = (objects: Iterable<Labelled>) =>
  [...objects].map(({ id, label, geometry_type, geometry, attributes, basis }) => ({ id, label, geometry_type, geometry, attributes, basis: SAID.includes(basis) ? basis : 'accepted' }))

/** What the canvas begins with: what stands, and the proposals that nobody decided about. */
export function begun(objects: readonly Labelled[], suggestions: readonly Labelled[], rejected: readonly string[]): Labelled[] {
  const known = new Set([...objects.map((one) => one.id), ...rejected])
  return [...objects, ...suggestions.filter((one) => !known.has(one.id)).map((one) => ({ ...one, revision: 0, basis: 'suggested' }))]
}

/** The letters that stand for a person on the image. */
export function initials(author: string): string {
  const words = author.replace(/^(usr|key|person|owner)[_:]/, '').split(/[\s._@-]+/).filter(Boolean)
  return (words.length > 1 ? words[0]![0]! + words[1]![0]! : (words[0] ?? '?').slice(0, 2)).toUpperCase()
}
