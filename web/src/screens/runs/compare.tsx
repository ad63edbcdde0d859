import { useQueries } from '@tanstack/react-query'
import { Link, useParams, useSearch } from '@tanstack/react-router'
import { FlaskConical, X } from 'lucide-react'
import { useMemo, useState } from 'react'
import { cx } from '@/ui/classes'
import { moment, span } from '@/ui/format'
import { Page, Section } from '@/ui/page'
import { Checkbox } from '@/ui/select'
import { Empty, Failed, Progress } from '@/ui/states'
import { runQuery, type Run } from './queries'
import { apart, duration_s, metricNames, metricsOf, sideBySide } from './rows'
import { WithLimits } from './state'

const CELL = 'h-8 border-b border-line px-2 text-xs'

/** Runs side by side: figures with their intervals, and the parameters that differ. */
export default function Compare() {
  const { workspace } = useParams({ from: '/w/$workspace/runs/compare' })
  const { ids = '' } = useSearch({ from: '/w/$workspace/runs/compare' })
  const wanted = ids.split(',').filter(Boolean)
  const queries = useQueries({ queries: wanted.map((id) => runQuery(id)) })
  const [everything, setEverything] = useState(false)
  const failed = queries.find((one) => one.isError)
  const runs = queries.flatMap((one) => (one.data ? [one.data] : []))
  const ready = runs.map((run) => run.id + run.state).join()
  const params = useMemo(() => sideBySide(runs.map((run) => run.params)), [ready])
  const metrics = useMemo(() => runs.map((run) => metricsOf((run.output as Record<string, unknown>).metrics)), [ready])
  const names = metricNames(metrics)
  const shown = everything ? params : params.filter((row) => row.differs)
  return (
    <Page title={<Link to="/w/$workspace/runs" params={{ workspace }} className="text-ink-2 hover:text-ink">Experiments</Link>} sub={<span className="font-semibold text-ink">Compare {runs.length} runs</span>}>
      <Progress busy={queries.some((one) => one.isPending)} />
      {failed && <Failed what="A run" error={failed.error} retry={() => void failed.refetch()} />}
      {wanted.length < 2 ? (
        <Empty icon={<FlaskConical />} title="Two runs or more are compared" actions={<Link to="/w/$workspace/runs" params={{ workspace }} className="text-sel hover:underline">Choose runs</Link>} />
      ) : (
        <div className="flex flex-col gap-6 p-4">
          <Section title="Figures">
            <Side label="Figures side by side" runs={runs} workspace={workspace} ids={wanted}>
              {names.map((name) => {
                const row = metrics.map((one) => one.find((metric) => metric.name === name))
                const differs = apart(row)
                const best = Math.max(...row.map((one) => one?.value ?? -Infinity))
                return (
                  <tr key={name}>
                    <th scope="row" className={cx(CELL, 'text-left font-normal text-ink-2')}>
                      {name}
                    </th>
                    {row.map((one, at) => (
                      <td key={at} className={cx(CELL, 'text-right')}>
                        {one ? (
                          <span className={cx(differs && one.value === best && 'font-medium')}>
                            <WithLimits {...one} digits={Number.isInteger(one.value) ? 0 : 3} />
                          </span>
                        ) : (
                          '–'
                        )}
                      </td>
                    ))}
                    <td className={cx(CELL, 'text-ink-3')}>{differs ? 'intervals apart' : ''}</td>
                  </tr>
                )
              })}
            </Side>
          </Section>
          <Section
            title="Parameters"
            actions={
              <Checkbox checked={everything} onChange={setEverything}>
                Also what is the same
              </Checkbox>
            }
          >
            {shown.length === 0 ? (
              <p className="text-ink-2">All {params.length} parameters are the same.</p>
            ) : (
              <Side label="Parameters side by side" runs={runs} workspace={workspace} ids={wanted}>
                {shown.map((row) => (
                  <tr key={row.name}>
                    <th scope="row" className={cx(CELL, 'text-left font-normal text-ink-2')}>
                      {row.name}
                    </th>
                    {row.values.map((value, at) => (
                      <td key={at} className={cx(CELL, 'mono max-w-64 truncate text-right', row.differs ? '' : 'text-ink-3')} title={value ?? undefined}>
                        {value ?? '–'}
                      </td>
                    ))}
                    <td className={CELL} />
                  </tr>
                ))}
              </Side>
            )}
          </Section>
        </div>
      )}
    </Page>
  )
}

function Side({ label, runs, workspace, ids, children }: { label: string; runs: Run[]; workspace: string; ids: string[]; children: React.ReactNode }) {
  return (
    <div className="overflow-x-auto" tabIndex={0} role="region" aria-label={label}>
      <table className="num border-collapse">
        <thead>
          <tr>
            <td className={cx(CELL, 'w-56')} />
            {runs.map((run) => (
              <th key={run.id} scope="col" className="min-w-44 border-b border-line px-2 pb-1 text-right align-bottom text-xs font-normal">
                <span className="flex items-center justify-end gap-1">
                  <Link to="/w/$workspace/runs/$run" params={{ workspace, run: run.id }} className="font-medium hover:underline">
                    {run.kind} <span className="mono text-ink-2">{run.id.slice(4, 10)}</span>
                  </Link>
                  {ids.length > 2 && (
                    <Link to="/w/$workspace/runs/compare" params={{ workspace }} search={{ ids: ids.filter((id) => id !== run.id).join(',') }} aria-label={`Leave out ${run.id}`} className="text-ink-3 hover:text-ink">
                      <X size={12} />
                    </Link>
                  )}
                </span>
                <span className="block text-2xs text-ink-3">
                  {moment(run.started_at)}, {span(duration_s(run, Date.now()))}
                </span>
              </th>
            ))}
            <td className={CELL} />
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  )
}
