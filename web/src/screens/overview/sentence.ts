export type Piece = { text: string; id?: string }

const ID = /\b([a-z]{3})_[0-9a-z]{26}\b/g
const NAMES: Record<string, string> = { mdv: 'the version', gat: 'the gate', cmp: 'the campaign', rvq: 'the queue', alt: 'the alarm', run: 'the run', smp: 'the image', dsv: 'the dataset version', dst: 'the dataset', rcp: 'the receipt', prd: 'the prediction' }

/** A sentence of the loop in pieces: an id becomes the name of what it is, and stays behind it as a door. */
export function pieces(says: string): Piece[] {
  const found: Piece[] = []
  let at = 0
  for (const match of says.matchAll(ID)) {
    const name = NAMES[match[1]!]
    if (!name) continue
    let before = says.slice(at, match.index)
    // "the campaign cmp_1" names it already.
    const noun = name.slice(4)
    const said = new RegExp(`(the )?${noun} $`, 'i').exec(before)
    if (said) before = before.slice(0, said.index)
    if (before) found.push({ text: before })
    const spoken = said ? said[0].trimEnd() : name
    found.push({ text: found.length ? spoken : spoken[0]!.toUpperCase() + spoken.slice(1), id: match[0] })
    at = match.index + match[0].length
  }
  if (at < says.length) found.push({ text: says.slice(at) })
  return found
}
