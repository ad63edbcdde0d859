import { useQuery } from '@tanstack/react-query'
import { Link, useParams } from '@tanstack/react-router'
import { useMemo } from 'react'
import { TimeSeries, type Line } from '@/charts/time-series'
import type { Marker } from '@/charts/marks'
import { count, percent } from '@/ui/format'
import { Tag } from '@/ui/marks'
import { Section } from '@/ui/page'
import { Loaded } from '@/ui/states'
import { estimateQuery, monitorQuery, wealthOf, type Estimate, type History, type Monitor } from './queries'

/** How near a monitor's strongest evidence is to its threshold, 1 at the alarm. */
export const evidenceShare = (monitor: Pick<Monitor, 'log_wealth' | 'log_threshold'>): number => (monitor.log_threshold > 0 ? Math.max(0, ...Object.values(monitor.log_wealth)) / monitor.log_threshold : 0)

const TONES = ['ink', 'sel', 'ink-3', 'ink-3'] as const

type Alarm = { history: History; log_threshold: number; alpha: number }

/** Evidence over the images that were watched, against the threshold of its false-alarm bound. */
export function Evidence({ history, log_threshold, alpha, markers, sync, height = 150 }: Alarm & { markers?: readonly Marker[]; sync: string; height?: number }) {
  const x = history.sequence ?? []
  const lines = useMemo(() => wealthOf(history).map((line, at): Line => ({ ...line, tone: TONES[at % TONES.length] })), [history])
  const thresholds = useMemo(() => [{ y: log_threshold, label: `alarm, α ${alpha}` }], [log_threshold, alpha])
  if (!x.length) return <p className="text-ink-2">No image has been watched in this epoch yet.</p>
  const strongest = Math.max(...lines.map((line) => line.values.findLast((value) => value != null) ?? 0))
  return <TimeSeries title="Evidence of drift, log of the e-process" x={x} xName="prediction" lines={lines} thresholds={thresholds} markers={markers} sync={sync} height={height} summary={`Evidence up to prediction ${x.at(-1)}; at the end ${strongest.toFixed(2)}, the alarm stands at ${log_threshold.toFixed(2)}`} />
}

/** The drift part of a deployment's page: evidence, what moved, and what accuracy to expect without labels. */
export function Drift({ name, markers, alertCount }: { name: string; markers?: readonly Marker[]; alertCount: number }) {
  const { workspace = 'default' } = useParams({ strict: false })
  const monitor = useQuery({ ...monitorQuery(name), refetchInterval: 10_000 })
  return (
    <Section
      title={`Drift, monitor ${name}`}
      actions={alertCount > 0 && <Link to="/w/$workspace/alerts" params={{ workspace }} className="num text-xs text-sel hover:underline">{count(alertCount)} {alertCount === 1 ? 'alert' : 'alerts'}</Link>}
    >
      <Loaded query={monitor} what="The monitor">
        {(one) => (
          <div className="flex flex-col gap-4">
            <Bound monitor={one} />
            <Evidence history={one.history as History} log_threshold={one.log_threshold} alpha={one.alpha} markers={markers} sync={`drift-${name}`} />
            <Expected name={name} />
          </div>
        )}
      </Loaded>
    </Section>
  )
}

/** What the monitor promises, or plainly that it promises nothing. */
function Bound({ monitor }: { monitor: Monitor }) {
  const none = monitor.guarantee === 'none'
  return (
    <div className="flex flex-wrap items-center gap-x-4 gap-y-1 text-xs text-ink-2">
      <Tag tone={monitor.state === 'alarmed' ? 'warn' : 'plain'}>{monitor.state}</Tag>
      {none ? (
        <span className="text-warn">No guarantee on this stream{monitor.why.length > 0 && `: ${monitor.why.join('; ')}`}.</span>
      ) : (
        <span>
          On a stream like its reference, the chance of ever raising a false alarm is at most <span className="num text-ink">{percent(monitor.alpha, monitor.alpha < 0.01 ? 2 : 0)}</span>.
        </span>
      )}
      <span className="num">
        {count(monitor.images)} images watched, epoch {monitor.epoch}
        {monitor.skipped > 0 && `, ${count(monitor.skipped)} by other versions skipped`}
      </span>
    </div>
  )
}

/** The accuracy to expect without labels, with its limits, beside what a random audit says; doubts are said. */
function Expected({ name }: { name: string }) {
  const estimate = useQuery({ ...estimateQuery(name), retry: false })
  return (
    <Loaded query={estimate} what="The estimate of accuracy">
      {(found: Estimate) => {
        const audit = found.audit as { value?: number; lower?: number; upper?: number; n?: number; confidence?: number; because?: string } & Record<string, unknown>
        return (
          <dl className="grid max-w-3xl grid-cols-[minmax(96px,180px)_minmax(0,1fr)] gap-x-4 gap-y-1">
            <dt className="text-ink-2">Accuracy expected</dt>
            <dd className="num">
              {percent(found.value)} <span className="text-xs text-ink-2">[{percent(found.lower)}, {percent(found.upper)}] at {percent(found.confidence, 0)}, without labels, over {count(found.n)} images</span>
            </dd>
            <dt className="text-ink-2">By a random audit</dt>
            <dd className="num">
              {audit?.value != null ? (
                <>
                  {percent(audit.value)} <span className="text-xs text-ink-2">[{percent(audit.lower)}, {percent(audit.upper)}] over {count(audit.n)} labelled</span>
                </>
              ) : (
                <span className="text-ink-2">no labelled image of this traffic yet</span>
              )}
            </dd>
            {!found.relied_on && (
              <>
                <dt className="text-warn">Not relied on</dt>
                <dd className="text-warn">{found.because.join('; ') || 'The estimate does not hold on this stream.'}</dd>
              </>
            )}
          </dl>
        )
      }}
    </Loaded>
  )
}
