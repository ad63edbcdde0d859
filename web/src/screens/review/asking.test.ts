import { expect, test } from 'vitest'
import { free, pace, progress } from './asking'
import type { Item } from './data'

const item = (id: string, leased_until: string | null = null, state: Item['state'] = 'open'): Item => ({ id, campaign: 'c', sample: 's', purpose: 'lesson', blind: false, suggestion: 'ok', score: 0.5, state, verb: '', label: '', leased_until })

test('what somebody else holds, what is answered and what is shown now is not next', () => {
  const now = Date.parse('2026-11-22T12:00:00Z')
  const all = [item('shown', '2026-11-22T12:05:00Z'), item('theirs', '2026-11-22T12:05:00Z'), item('lapsed', '2026-11-22T11:00:00Z'), item('done', null, 'answered'), item('free')]
  expect(free(all, 'shown', now).map((one) => one.id)).toEqual(['lapsed', 'free'])
})

test('the pace counts the time of answering alone, and blind answers accept nothing', () => {
  const given = [
    { verb: 'accept', duration_s: 1, item: { suggestion: 'ok' } },
    { verb: 'fix', duration_s: 3, item: { suggestion: 'ok' } },
    { verb: 'fix', duration_s: 2, item: { suggestion: '' } },
  ]
  expect(pace(given)).toEqual({ per_minute: 30, accepted: 0.5, median_s: 2 })
  expect(pace([])).toEqual({ per_minute: null, accepted: null, median_s: null })
})

test('second opinions and checks do not make a campaign more than done', () => {
  expect(progress({ size: 10, human: 8, auto: 5 })).toBe(1)
})
