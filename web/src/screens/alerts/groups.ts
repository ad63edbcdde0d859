import type { Alert } from './queries'
import { groupedBy } from '@/ui/grouped'

export type Group = { key: string; newest: Alert; alerts: Alert[]; open: number }

/** Alerts of one monitor and kind as one incident, newest first; open ones stand before the rest. */
export function grouped(alerts: readonly Alert[]): Group[] {
  const groups = [...groupedBy(alerts, (one) => `${one.kind} ${one.monitor}`)].map(([key, all]) => {
    const sorted = all.toSorted((a, b) => b.raised_at.localeCompare(a.raised_at))
    return { key, newest: sorted[0]!, alerts: sorted, open: all.filter((one) => one.state === 'raised').length }
  })
  return groups.sort((a, b) => Number(b.open > 0) - Number(a.open > 0) || b.newest.raised_at.localeCompare(a.newest.raised_at))
}
