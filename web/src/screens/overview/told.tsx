import { Link, useParams } from '@tanstack/react-router'
import { ThingLink } from '@/screens/runs/thing'
import { moment, span } from '@/ui/format'
import { pieces } from './sentence'
import type { Chapter, Story } from './types'

const NAMES: Record<string, string> = { alerted: 'Alarm', labelled: 'Labelled', trained: 'Trained', gated: 'Gate passed', promoted: 'Promoted' }
const DOORS: Record<string, (subject: string) => { to: string; params?: Record<string, string> }> = {
  alerted: (alert) => ({ to: '/w/$workspace/alerts/$alert', params: { alert } }),
  labelled: (queue) => ({ to: '/w/$workspace/review/$queue', params: { queue } }),
  trained: () => ({ to: '/w/$workspace/models' }),
  gated: () => ({ to: '/w/$workspace/models' }),
  promoted: () => ({ to: '/w/$workspace/deployments' }),
}

/** The newest turn of the loop that closed: what was decided, why, by which bound, with its receipts. */
export function Told({ story }: { story: Story }) {
  const { workspace } = useParams({ from: '/w/$workspace' })
  const began = Date.parse(story.began_at)
  return (
    <ol className="relative flex flex-col">
      <span aria-hidden className="absolute bottom-6 left-[5px] top-3 w-px bg-line-strong" />
      {story.steps.map((chapter) => {
        const door = DOORS[chapter.step]?.(chapter.subject)
        return (
          <li key={chapter.step} className="relative flex gap-4 py-2 pl-6">
            <span aria-hidden className="absolute left-0 top-3.5 size-2.5 rounded-full border-2 border-bg bg-ink" />
            <div className="w-28 shrink-0">
              {door && chapter.subject ? (
                <Link to={door.to as '/w/$workspace'} params={{ workspace, ...door.params } as never} className="font-medium underline decoration-line-strong underline-offset-2 hover:decoration-ink">
                  {NAMES[chapter.step] ?? chapter.step}
                </Link>
              ) : (
                <span className="font-medium">{NAMES[chapter.step] ?? chapter.step}</span>
              )}
              <time dateTime={chapter.at} title={moment(chapter.at)} className="num block text-2xs text-ink-3">
                after {span((Date.parse(chapter.at) - began) / 1000)}
              </time>
            </div>
            <div className="min-w-0 grow">
              <p className="text-ink-2">
                {pieces(chapter.says).map((piece, at) => (piece.id ? <span key={at} title={piece.id}><ThingLink id={piece.id}>{piece.text}</ThingLink></span> : piece.text))}
              </p>
              <Receipts chapter={chapter} />
            </div>
          </li>
        )
      })}
    </ol>
  )
}

function Receipts({ chapter }: { chapter: Chapter }) {
  const { workspace } = useParams({ from: '/w/$workspace' })
  return (
    <p className="mt-0.5 flex flex-wrap gap-3">
      {chapter.receipts.map((receipt) => (
        <Link key={receipt} to="/w/$workspace/audit" params={{ workspace }} search={{ subject: receipt }} className="mono text-ink-3 hover:text-ink" title={receipt}>
          receipt {receipt.slice(4, 12)}
        </Link>
      ))}
    </p>
  )
}
