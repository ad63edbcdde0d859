import { Link, useParams } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { Receipt } from '@/ui/receipt'

const LOOK = 'truncate text-sel underline underline-offset-2'

/** A door to whatever an id names, where it has a screen; else just the text. */
export function ThingLink({ id, children }: { id: string; children?: ReactNode }) {
  const { workspace = 'default' } = useParams({ strict: false })
  const text = children ?? <span className="mono">{id}</span>
  if (!/^[a-z]{3}_[0-9a-z]{26}$/.test(id)) return <>{text}</>
  switch (id.slice(0, 3)) {
    case 'run':
      return <Link className={LOOK} to="/w/$workspace/runs/$run" params={{ workspace, run: id }}>{text}</Link>
    case 'smp':
      return <Link className={LOOK} to="/w/$workspace/s/$sample" params={{ workspace, sample: id }}>{text}</Link>
    case 'alt':
      return <Link className={LOOK} to="/w/$workspace/alerts/$alert" params={{ workspace, alert: id }}>{text}</Link>
    case 'mdv':
      return <Link className={LOOK} to="/w/$workspace/models/$model" params={{ workspace, model: id }}>{text}</Link>
    case 'cmp':
    case 'rvq':
      return <Link className={LOOK} to="/w/$workspace/review/$queue" params={{ workspace, queue: id }}>{text}</Link>
    case 'rcp':
      return <Receipt id={id}>{id}</Receipt>
    default:
      return <>{text}</>
  }
}
