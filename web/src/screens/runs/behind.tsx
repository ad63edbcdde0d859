import { useVirtualizer } from '@tanstack/react-virtual'
import { Link, useNavigate, useParams } from '@tanstack/react-router'
import { ExternalLink, X } from 'lucide-react'
import { useEffect, useId, useRef, type ReactNode } from 'react'
import { alsoThumbs, useThumb } from '@/media/thumbs'
import { bindKeys } from '@/shell/keys'
import { Button } from '@/ui/button'
import { cx } from '@/ui/classes'
import { count, percent } from '@/ui/format'

/** One sample behind a number: what a person said of it and what the model said. */
export type Behind = { sample: string; label?: string; predicted?: string; score?: number | null }

/** What `set` in the Datasets address says for these samples: the ids themselves where they are few, else a key that this tab keeps. */
export function keepSet(samples: readonly string[]): string {
  if (samples.length <= 40) return samples.join(',')
  const key = `kept-${Date.now().toString(36)}`
  sessionStorage.setItem(`sightloop.set.${key}`, samples.join(','))
  return key
}

const ACROSS = 3
/** Heights of a row in pixels: the pictures alone, and with both labels. */
const [BARE, SAID] = [88, 124]

/** The samples behind a number, beside the number: thumbs with both labels, each a door; Escape closes. */
export function SamplesBehind({ title, items, onClose, actions }: { title: string; items: readonly Behind[]; onClose: () => void; actions?: ReactNode }) {
  const { workspace = 'default' } = useParams({ strict: false })
  const navigate = useNavigate()
  const frame = useRef<HTMLDivElement>(null)
  const id = useId()
  const row = items.some((one) => one.label !== undefined || one.predicted !== undefined) ? SAID : BARE
  const virtual = useVirtualizer({ count: Math.ceil(items.length / ACROSS), getScrollElement: () => frame.current, estimateSize: () => row, overscan: 2 })
  const rows = virtual.getVirtualItems()
  const [first, last] = [rows[0]?.index ?? 0, rows.at(-1)?.index ?? 0]
  useEffect(() => alsoThumbs(items.slice(first * ACROSS, (last + 1) * ACROSS).map((one) => one.sample)), [items, first, last])
  useEffect(() => bindKeys({ Escape: { label: 'Close the samples', run: onClose } }), [onClose])
  return (
    <aside aria-labelledby={id} className="flex min-h-0 w-[300px] shrink-0 flex-col border-l border-line max-md:w-auto max-md:border-t max-md:border-l-0">
      <header className="flex items-start gap-2 border-b border-line px-3 py-2">
        <div className="min-w-0 grow">
          <h2 id={id} className="text-sm font-medium">
            {title}
          </h2>
          <p className="num text-xs text-ink-2">{count(items.length)} samples</p>
        </div>
        <Button look="quiet" small icon={<X size={14} />} aria-label="Close" onClick={onClose} />
      </header>
      <div className="flex items-center gap-3 px-3 py-2 text-xs">
        <Button small icon={<ExternalLink size={12} aria-hidden />} disabled={!items.length} onClick={() => void navigate({ to: '/w/$workspace/datasets', params: { workspace }, search: { set: keepSet(items.map((one) => one.sample)) } })}>
          Open as a grid
        </Button>
        <span className="ml-auto flex gap-2">{actions}</span>
      </div>
      <div ref={frame} className="min-h-0 grow overflow-auto px-3 max-md:h-72 max-md:grow-0" tabIndex={0} role="region" aria-label="Samples">
        {items.length === 0 && <p className="py-4 text-ink-2">No sample is meant by this. Choose another number.</p>}
        <div className="relative" style={{ height: virtual.getTotalSize() }}>
          {rows.map((row) => (
            <div key={row.index} className="absolute inset-x-0 grid grid-cols-3 gap-2" style={{ transform: `translateY(${row.start}px)` }}>
              {items.slice(row.index * ACROSS, (row.index + 1) * ACROSS).map((one) => (
                <Tile key={one.sample} one={one} workspace={workspace} />
              ))}
            </div>
          ))}
        </div>
      </div>
    </aside>
  )
}

function Tile({ one, workspace }: { one: Behind; workspace: string }) {
  const wrong = one.label !== undefined && one.predicted !== undefined && one.label !== one.predicted
  return (
    <Link to="/w/$workspace/s/$sample" params={{ workspace, sample: one.sample }} className="group flex min-w-0 flex-col text-2xs" aria-label={`Sample ${one.sample}${one.label ? `, labelled ${one.label}` : ''}${one.predicted ? `, predicted ${one.predicted}` : ''}`}>
      <Thumb sample={one.sample} className="h-20 w-full group-hover:outline-1 group-hover:outline-ink" />
      {one.label !== undefined && <span className="truncate pt-0.5">{one.label}</span>}
      {one.predicted !== undefined && (
        <span className={cx('num truncate text-machine', wrong && 'font-medium')}>
          {one.predicted} {one.score != null && percent(one.score, 0)}
        </span>
      )}
    </Link>
  )
}

/** The small picture of a sample; the well's colour until it is here. */
export function Thumb({ sample, className }: { sample: string; className?: string }) {
  const url = useThumb(sample)
  return <span className={cx('block overflow-hidden rounded-sm bg-well', className)}>{url && <img src={url} alt="" className="size-full object-cover" draggable={false} />}</span>
}
