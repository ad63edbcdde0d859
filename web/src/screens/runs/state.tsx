import { Dot } from '@/ui/marks'
import type { Run } from './queries'
import { goesOn } from './queries'

/** How a run stands: words in ink, a dot only where it failed; one that goes on shows how far it is. */
export function State({ run }: { run: Run }) {
  const progress = run.progress as { done?: number; total?: number; note?: string }
  if (goesOn(run) && progress.total) {
    const share = (progress.done ?? 0) / progress.total
    return (
      <span className="flex min-w-0 items-center gap-2" title={progress.note}>
        <span role="progressbar" aria-label="Progress" aria-valuenow={Math.round(100 * share)} className="h-1 w-16 shrink-0 overflow-hidden rounded-full bg-line-strong">
          <span className="block h-full bg-ink" style={{ width: `${100 * share}%` }} />
        </span>
        <span className="num truncate text-xs text-ink-2">
          {progress.done} of {progress.total} {progress.note}
        </span>
      </span>
    )
  }
  return (
    <span className="inline-flex items-center gap-1.5">
      {run.state === 'failed' && <Dot tone="crit" label="failed" />}
      <span className={run.state === 'succeeded' ? 'text-ink-2' : run.state === 'failed' ? 'text-crit' : ''}>{run.state}</span>
    </span>
  )
}

/** A share with its 95 % limits, small beside it. */
export function WithLimits({ value, lower, upper, digits = 3 }: { value: number; lower?: number; upper?: number; digits?: number }) {
  return (
    <span className="num whitespace-nowrap">
      {value.toFixed(digits)}
      {lower !== undefined && upper !== undefined && (
        <span className="ml-1 text-2xs text-ink-3" title="95 % interval">
          [{lower.toFixed(digits)}, {upper.toFixed(digits)}]
        </span>
      )}
    </span>
  )
}
