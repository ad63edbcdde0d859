/** A label schema as it is edited, and what a save would change; pure. */
export type Attribute = { type: 'bool' | 'number' | 'text' | 'choice'; choices?: string[] }
export type Draft = { name: string; classes: string[]; geometry_types: string[]; colours: Record<string, string>; skeleton: { points: string[]; edges: [number, number][] }; attributes: Record<string, Attribute> }

export const GEOMETRIES = ['class', 'box', 'rotated_box', 'polygon', 'polyline', 'mask', 'keypoints', 'cuboid'] as const
export const EMPTY: Draft = { name: '', classes: [], geometry_types: ['class'], colours: {}, skeleton: { points: [], edges: [] }, attributes: {} }

/** The draft of a stored schema; fields that an older server leaves out are empty. */
export function draftOf(schema: { name: string; classes: readonly string[] } & Partial<Record<'geometry_types' | 'colours' | 'skeleton' | 'attributes', unknown>>): Draft {
  const skeleton = (schema.skeleton ?? {}) as Partial<Draft['skeleton']>
  return {
    name: schema.name,
    classes: [...schema.classes],
    geometry_types: Array.isArray(schema.geometry_types) && schema.geometry_types.length ? [...(schema.geometry_types as string[])] : ['class'],
    colours: { ...(schema.colours as Record<string, string> | undefined) },
    skeleton: { points: [...(skeleton.points ?? [])], edges: [...(skeleton.edges ?? [])] },
    attributes: { ...(schema.attributes as Record<string, Attribute> | undefined) },
  }
}

/** "a-b" or "1-2" a line into edges between named points; what names no point is left out. */
export function edgesOf(text: string, points: readonly string[]): [number, number][] {
  return text.split(/[\n,]/).flatMap((line): [number, number][] => {
    const [a, b] = line.split('-').map((end) => points.indexOf(end.trim()))
    return a !== undefined && b !== undefined && a >= 0 && b >= 0 && a !== b ? [[a, b]] : []
  })
}

export const edgesText = (skeleton: Draft['skeleton']): string => skeleton.edges.map(([a, b]) => `${skeleton.points[a]}-${skeleton.points[b]}`).join('\n')

/** What keeps a draft from being saved, or nothing. */
export function fault(draft: Draft): string {
  if (!draft.name.trim()) return 'Give it a name.'
  if (draft.classes.length < 1) return 'Give it a class.'
  if (draft.classes.some((name) => !name.trim())) return 'A class has no name.'
  if (new Set(draft.classes).size < draft.classes.length) return 'Two classes have the same name.'
  if (draft.geometry_types.length < 1) return 'Choose a geometry type.'
  if (draft.geometry_types.includes('keypoints') && draft.skeleton.points.length === 0) return 'Keypoints need named points.'
  if (Object.values(draft.attributes).some((one) => one.type === 'choice' && !one.choices?.length)) return 'A choice needs its choices.'
  return ''
}

/** What a save changes, in words; `version` says whether it makes the next one. */
export function changes(before: Draft, after: Draft): { lines: string[]; version: boolean } {
  const lines: string[] = []
  const added = after.classes.filter((name) => !before.classes.includes(name))
  const removed = before.classes.filter((name) => !after.classes.includes(name))
  if (added.length) lines.push(`new classes: ${added.join(', ')}`)
  if (removed.length) lines.push(`classes that go: ${removed.join(', ')}`)
  if (!added.length && !removed.length && before.classes.join('\n') !== after.classes.join('\n')) lines.push('classes in another order')
  const types = (draft: Draft) => [...draft.geometry_types].sort().join(', ')
  if (types(before) !== types(after)) lines.push(`geometry: ${types(before)} → ${types(after)}`)
  if (JSON.stringify(before.skeleton) !== JSON.stringify(after.skeleton)) lines.push(`skeleton: ${before.skeleton.points.length} → ${after.skeleton.points.length} points, ${before.skeleton.edges.length} → ${after.skeleton.edges.length} edges`)
  for (const name of new Set([...Object.keys(before.attributes), ...Object.keys(after.attributes)])) {
    const [old, now] = [JSON.stringify(before.attributes[name]), JSON.stringify(after.attributes[name])]
    if (old !== now) lines.push(!old ? `new attribute: ${name}` : !now ? `attribute that goes: ${name}` : `attribute changed: ${name}`)
  }
  const version = lines.length > 0
  const painted = after.classes.filter((name) => before.classes.includes(name) && (before.colours[name] ?? '') !== (after.colours[name] ?? ''))
  if (painted.length) lines.push(`other colours: ${painted.join(', ')}`)
  return { lines, version }
}
