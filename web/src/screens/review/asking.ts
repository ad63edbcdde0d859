import type { Counts, Item } from './data'

/** What is open and not kept for somebody else, in the order in which it will be asked. */
export function free(items: readonly Item[], current: string, now = Date.now()): Item[] {
  return items.filter((one) => one.id !== current && one.state === 'open' && !(one.leased_until && Date.parse(one.leased_until) > now))
}

/** Why a question is asked, in a sentence. */
export const WHY: Record<Item['purpose'], { name: string; text: string }> = {
  seed: { name: 'Seed', text: 'Drawn at random, before there is a model. No suggestion is shown.' },
  lesson: { name: 'Lesson', text: 'The model is unsure here: it learns most from this answer.' },
  audit: { name: 'Audit', text: 'Drawn at random from labels that the rule would accept. What you say bounds their error, so no suggestion is shown.' },
  doubt: { name: 'Doubt', text: 'Among labels about to be accepted, this one looks most likely to be wrong.' },
  rest: { name: 'Rest', text: 'The rule could not accept this one. A person decides.' },
  check: { name: 'Check', text: 'An earlier answer is contradicted: asked again, blind.' },
  second: { name: 'Second opinion', text: 'Asked again, blind, to measure how far people agree. The label stays as it is.' },
}

/** How the answers of one sitting went: per minute of answering, and the share of suggestions taken as they were. */
export function pace(given: readonly { verb: string; duration_s: number; item: { suggestion: string } }[]): { per_minute: number | null; accepted: number | null; median_s: number | null } {
  const seconds = given.map((one) => one.duration_s).sort((a, b) => a - b)
  const total = seconds.reduce((sum, one) => sum + one, 0)
  const shown = given.filter((one) => one.item.suggestion && (one.verb === 'accept' || one.verb === 'fix'))
  return {
    per_minute: total > 0 ? (60 * given.length) / total : null,
    accepted: shown.length ? shown.filter((one) => one.verb === 'accept').length / shown.length : null,
    median_s: seconds.length ? seconds[Math.floor((seconds.length - 1) / 2)]! : null,
  }
}

/** How far a campaign is: labels that stand, by people and by the rule, of all its samples. */
export const progress = (counts: Pick<Counts, 'size' | 'human' | 'auto'>): number => (counts.size ? Math.min(1, (counts.human + counts.auto) / counts.size) : 0)
