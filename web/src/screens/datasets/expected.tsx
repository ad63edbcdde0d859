import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useMemo } from 'react'
import { api, asked } from '@/api/client'
import type { components } from '@/api/schema.gen'
import { count } from '@/ui/format'
import { Failed } from '@/ui/states'
import { nameSet } from './sets'

type Expectations = components['schemas']['Expectations']

/** What samples are to be like, scope by scope, and how many are not: the rules in force, tried over what is there. */
export function Expected({ workspace, dataset }: { workspace: string; dataset: string }) {
  const inForce = useQuery(asked(['expectations'], () => api.GET('/api/v1/expectations')))
  const shown = (inForce.data?.items ?? []).filter((one) => !one.scope.startsWith('dataset:') || !dataset || one.scope === `dataset:${dataset}`)
  if (inForce.isError) return <Failed what="The expectations" error={inForce.error} retry={() => void inForce.refetch()} />
  return (
    <section className="grid gap-x-6 gap-y-3 py-4 lg:grid-cols-[240px_minmax(0,1fr)]">
      <h2 className="text-xs text-ink-2">Expectations</h2>
      {shown.length === 0 ? (
        <p className="text-xs text-ink-2">
          Nothing is expected of samples yet. Rules are written as YAML: <code className="mono">sightloop expectations set rules.yaml</code>
        </p>
      ) : (
        <div className="flex min-w-0 flex-col gap-3">
          {shown.map((one) => (
            <Scope key={one.id} of={one} workspace={workspace} />
          ))}
        </div>
      )}
    </section>
  )
}

function Scope({ of, workspace }: { of: Expectations; workspace: string }) {
  const report = useQuery(asked(['expectations', of.id, 'check'], () => api.POST('/api/v1/expectations/check', { body: { text: of.text } })))
  const [kind, name] = of.scope ? of.scope.split(/:(.*)/s) : ['every source', '']
  if (report.isError) return <Failed what="The rules" error={report.error} retry={() => void report.refetch()} />
  return (
    <div>
      <h3 className="text-xs">
        {kind} <span className="font-medium">{name}</span> <span className="num text-ink-3">version {of.number}</span>
      </h3>
      <ul>
        {(report.data?.items ?? []).map((rule) => (
          <li key={rule.rule + rule.otherwise} className="flex min-h-7 items-center gap-3 border-b border-line text-xs last:border-0">
            <span className="num w-14 shrink-0 text-right">
              {rule.broken ? <Broken rule={rule} workspace={workspace} /> : <span className="text-ink-3">0</span>}
            </span>
            <span className="mono min-w-0 grow truncate" title={rule.rule}>
              {rule.rule}
            </span>
            <span className="num shrink-0 text-ink-2">
              of {count(rule.checked)}, else {rule.otherwise}
            </span>
          </li>
        ))}
        {report.data?.items.length === 0 && <li className="text-xs text-ink-2">No rules.</li>}
      </ul>
    </div>
  )
}

function Broken({ rule, workspace }: { rule: components['schemas']['RuleReport']; workspace: string }) {
  const set = useMemo(() => nameSet(rule.samples), [rule.samples])
  return (
    <Link to="/w/$workspace/datasets" params={{ workspace }} search={{ set }} aria-label={`${count(rule.broken)} samples break: ${rule.rule}`} title={rule.broken > rule.samples.length ? `The first ${count(rule.samples.length)} of them` : undefined} className="text-sel hover:underline">
      {count(rule.broken)}
    </Link>
  )
}
