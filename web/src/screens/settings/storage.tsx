import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link, useParams } from '@tanstack/react-router'
import { api, asked } from '@/api/client'
import { Wrong } from '@/screens/deployments/deploy'
import { runQuery } from '@/screens/runs/queries'
import { State } from '@/screens/runs/state'
import { Button } from '@/ui/button'
import { bytes, count, moment } from '@/ui/format'
import { Section } from '@/ui/page'
import { useRight } from '@/shell/session'
import { Loaded } from '@/ui/states'
import { Tree } from '@/ui/tree'

/** What is kept, and its care: backups, retention and the check of the stored state. */
export function Storage() {
  const right = useRight('admin')
  const status = useQuery(asked(['status'], () => api.GET('/api/v1/status')))
  return (
    <div className="flex flex-col gap-6">
      <Loaded query={status} what="The counts">
        {(found) => (
          <dl className="num grid max-w-lg grid-cols-[1fr_auto] gap-y-1">
            {([['Samples', found.samples], ['Files in quarantine', found.quarantined], ['Datasets', found.datasets], ['Campaigns', found.campaigns], ['Models', found.models], ['Cycles', found.cycles]] as const).map(([name, value]) => (
              <div key={name} className="contents"><dt className="text-ink-2">{name}</dt><dd className="text-right">{count(value)}</dd></div>
            ))}
          </dl>
        )}
      </Loaded>
      {right.held && <Backups />}
      <Care />
    </div>
  )
}

function Backups() {
  const { workspace = 'default' } = useParams({ strict: false })
  const cache = useQueryClient()
  const backups = useQuery(asked(['backups'], () => api.GET('/api/v1/backups')))
  const make = useMutation({ mutationFn: async () => (await api.POST('/api/v1/backups')).data!, onSuccess: () => cache.invalidateQueries({ queryKey: [workspace, 'backups'] }) })
  const run = useQuery({ ...runQuery(make.data?.id ?? ''), enabled: Boolean(make.data) })
  return (
    <Section title="Backups" actions={<Button needs="admin" busy={make.isPending} onClick={() => make.mutate()}>Back up now</Button>}>
      <Wrong error={make.error} />
      {run.data && <p className="flex items-center gap-2" role="status"><Link to="/w/$workspace/runs/$run" params={{ workspace, run: run.data.id }} className="text-sel hover:underline">The backup run</Link> <State run={run.data} /></p>}
      <Loaded query={backups} what="Backups">
        {(found) => found.items.length === 0 ? <p className="text-ink-2">None yet. A backup holds the whole installation as it stood at one moment.</p> : (
          <ul className="num text-xs">
            {found.items.toReversed().map((one) => <li key={one.id} className="grid h-8 grid-cols-[minmax(0,1fr)_170px_100px_110px] items-center gap-3 border-b border-line"><span className="mono truncate">{one.id}</span><span className="text-ink-2">{moment(one.made_at)}</span><span className="text-right">{bytes(one.size_bytes)}</span><span className="text-right text-ink-2">{count(one.files)} files</span></li>)}
          </ul>
        )}
      </Loaded>
    </Section>
  )
}

function Care() {
  const retention = useMutation({ mutationFn: async () => (await api.POST('/api/v1/retention')).data! })
  const check = useMutation({ mutationFn: async () => (await api.POST('/api/v1/fsck', { body: { deep: false, collect: false } })).data! })
  return (
    <Section title="Care" actions={<><Button needs="admin" busy={retention.isPending} onClick={() => retention.mutate()}>Apply the retention</Button><Button needs="admin" busy={check.isPending} onClick={() => check.mutate()}>Check the stored state</Button></>}>
      <p className="text-xs text-ink-2">Retention lets go of what is older than the settings say; the check reads every chain, pointer and blob and changes nothing.</p>
      <Wrong error={retention.error ?? check.error} />
      <div role="status">
        {check.data && (check.data.problems.length === 0 ? <p>Nothing is wrong.</p> : <ul className="list-inside list-disc text-crit">{check.data.problems.map((one) => <li key={one}>{one}</li>)}</ul>)}
        {check.data && <Tree name="checked" value={check.data.checked} />}
        {retention.data && <Tree name="let go" value={retention.data.retired} open />}
      </div>
    </Section>
  )
}
