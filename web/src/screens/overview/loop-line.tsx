import { Link, useParams } from '@tanstack/react-router'
import { cx } from '@/ui/classes'
import { count } from '@/ui/format'
import type { Overview } from './types'

type Stage = { name: string; value: number; sub: string; to: string; search?: Record<string, unknown>; warn?: boolean }

/** The loop as one line: each stage a count and a door, and the way back from watching to labelling. */
export function LoopLine({ loop }: { loop: Overview['loop'] }) {
  const { workspace } = useParams({ from: '/w/$workspace' })
  const stages: Stage[] = [
    { name: 'Ingested', value: loop.samples, sub: loop.quarantined ? `${count(loop.quarantined)} in quarantine` : 'none in quarantine', to: '/w/$workspace/sources', warn: loop.quarantined > 0 },
    { name: 'Labelled', value: loop.labelled, sub: loop.waiting ? `${count(loop.waiting)} wait for people` : 'nothing waits', to: '/w/$workspace/review' },
    { name: 'Versions', value: loop.versions, sub: 'frozen, with a hash', to: '/w/$workspace/datasets', search: { view: 'versions' } },
    { name: 'Trained', value: loop.trained, sub: 'model versions', to: '/w/$workspace/models' },
    { name: 'Serving', value: loop.serving, sub: loop.serving === 1 ? 'deployment' : 'deployments', to: '/w/$workspace/deployments' },
    { name: 'Drifting', value: loop.drifting, sub: loop.alerts ? `${count(loop.alerts)} open ${loop.alerts === 1 ? 'alert' : 'alerts'}` : 'no open alert', to: '/w/$workspace/alerts', warn: loop.drifting + loop.alerts > 0 },
  ]
  return (
    <nav aria-label="The loop" className="relative">
      <ol className="grid grid-cols-6 max-[900px]:grid-cols-3">
        {stages.map((stage, index) => (
          <li key={stage.name} className="relative">
            <Link to={stage.to as '/w/$workspace'} params={{ workspace }} search={stage.search as never} className="group flex flex-col gap-1 rounded-md px-3 pb-3 pt-6 hover:bg-raised">
              <span className="text-xs text-ink-2">{stage.name}</span>
              <span className="num text-xl font-semibold">{count(stage.value)}</span>
              <span className={cx('num truncate text-2xs', stage.warn ? 'text-warn' : 'text-ink-3')}>{stage.sub}</span>
              <span aria-hidden className={cx('absolute left-3 top-2 z-10 size-2.5 rounded-full border-2 border-bg', stage.warn ? 'bg-warn' : 'bg-ink')} />
            </Link>
            <span aria-hidden className={cx('absolute top-[12px] h-px bg-line-strong', index === 0 ? 'left-4 right-0' : index === 5 ? 'left-0 right-[calc(100%-16px)]' : 'inset-x-0')} />
          </li>
        ))}
      </ol>
    </nav>
  )
}
