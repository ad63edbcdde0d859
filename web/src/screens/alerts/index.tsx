import { useQuery, useQueryClient } from '@tanstack/react-query'
import { Link, useNavigate, useParams } from '@tanstack/react-router'
import { Bell } from 'lucide-react'
import { useCallback } from 'react'
import { useEvents } from '@/api/events'
import { Button } from '@/ui/button'
import { ago, count, moment } from '@/ui/format'
import { Dot, Tag } from '@/ui/marks'
import { Page } from '@/ui/page'
import { Receipt } from '@/ui/receipt'
import { Empty, Loaded } from '@/ui/states'
import { Table } from '@/ui/table'
import { Cycles } from './cycles'
import { grouped, type Group } from './groups'
import { alertsQuery, type Evidence } from './queries'

/** Incidents, open ones first, and the cycles of the loop that answered them. */
export default function Alerts() {
  const { workspace } = useParams({ from: '/w/$workspace/alerts' })
  const navigate = useNavigate()
  const cache = useQueryClient()
  const alerts = useQuery(alertsQuery())
  useEvents(
    useCallback(
      (event) => {
        if (/\.(alert|monitor|cycle|rule)\./.test(`.${event.type}.`)) for (const key of ['alerts', 'cycles']) void cache.invalidateQueries({ queryKey: [workspace, key] })
      },
      [cache, workspace],
    ),
  )
  const groups = grouped(alerts.data?.items ?? [])
  const open = groups.reduce((sum, one) => sum + one.open, 0)
  return (
    <Page title="Alerts" sub={alerts.data && <span className={open ? 'text-warn' : ''}>{open ? `${count(open)} open` : 'none open'}</span>}>
      <Loaded query={alerts} what="Alerts">
        {() => (
          <div className="flex h-full flex-col">
            {groups.length === 0 ? (
              <Empty icon={<Bell />} title="No alert has been raised" actions={<><Button look="primary" onClick={() => void navigate({ to: '/w/$workspace/deployments', params: { workspace } })}>See the deployments</Button><Link to="/w/$workspace/audit" params={{ workspace }} className="self-center text-sel hover:underline">Audit</Link></>}>
                A monitor raises one alert when the stream of a deployment leaves its reference, with a bound on false alarms.
              </Empty>
            ) : (
              <div className="min-h-40 shrink-0" style={{ height: Math.min(440, 34 + 32 * groups.length) }}>
                <Table rows={groups} columns={COLUMNS} id={(group) => group.key} label="Incidents" onOpen={(group) => void navigate({ to: '/w/$workspace/alerts/$alert', params: { workspace, alert: group.newest.id } })} />
              </div>
            )}
            <Cycles />
          </div>
        )}
      </Loaded>
    </Page>
  )
}

const why = (group: Group): string => {
  const evidence = group.newest.evidence as Evidence
  return evidence.leading ? `${evidence.leading} left the reference after ${count(evidence.images)} images` : evidence.label ? `${evidence.label} ${evidence.predictions?.length ?? ''} times in a row` : ''
}

const COLUMNS = [
  { key: 'state', head: 'State', width: '130px', cell: (group: Group) => <span className="flex items-center gap-1.5">{group.open > 0 && <Dot tone="warn" label="open" />}{group.newest.state}</span> },
  { key: 'what', head: 'Incident', cell: (group: Group) => <span><span className="font-medium">{group.newest.kind}</span> on {group.newest.monitor}{group.alerts.length > 1 && <Tag>{group.alerts.length} times</Tag>}</span> },
  { key: 'why', head: 'Evidence', width: 'minmax(0,1.5fr)', cell: (group: Group) => <span className="num text-ink-2">{why(group)}</span> },
  { key: 'bound', head: 'False alarms', right: true, width: '110px', cell: (group: Group) => { const claim = (group.newest.evidence as Evidence).claim; return claim ? <span title={claim.statement}>{claim.guarantee === 'bounded' ? `≤ ${claim.alpha}` : 'no bound'}</span> : <span className="text-ink-3">exact rule</span> } },
  { key: 'at', head: 'Raised', right: true, width: '110px', cell: (group: Group) => <span title={moment(group.newest.raised_at)}>{ago(group.newest.raised_at)}</span> },
  { key: 'receipt', head: 'Receipt', width: '96px', cell: (group: Group) => <Receipt id={group.newest.receipt} /> },
]
