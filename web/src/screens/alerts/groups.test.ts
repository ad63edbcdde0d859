import { expect, test } from 'vitest'
import { grouped } from './groups'
import type { Alert } from './queries'

const alert = (id: string, monitor: string, raised_at: string, state = 'acknowledged'): Alert => ({ id, monitor, kind: 'drift', state, raised_at, sequence: 1, receipt: '', evidence: {} })

test('alerts of one monitor are one incident with its newest in front', () => {
  const [group] = grouped([alert('a', 'line', '2026-01-01'), alert('b', 'line', '2026-01-02')])
  expect([group!.newest.id, group!.alerts.length]).toEqual(['b', 2])
})

test('an open incident stands before a newer one that is acknowledged', () => {
  expect(grouped([alert('new', 'x', '2026-02-01'), alert('open', 'y', '2026-01-01', 'raised')]).map((one) => one.newest.id)).toEqual(['open', 'new'])
})
