import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { ExternalLink, ScanSearch, X } from 'lucide-react'
import { useCallback, useEffect, useState } from 'react'
import { api, asked } from '@/api/client'
import { numberAt, textAt, type Sheet } from '@/media/columns'
import { usePicture } from '@/media/sheet'
import { SlotStrip, useSlots } from '@/media/slots'
import { Medium } from '@/media/viewers/medium'
import { tint, useThumb } from '@/media/thumbs'
import { bindKeys } from '@/shell/keys'
import { Button } from '@/ui/button'
import { cx } from '@/ui/classes'
import { ago, bytes, count, moment } from '@/ui/format'
import { Swatch, Tag } from '@/ui/marks'
import { Copyable, Failed } from '@/ui/states'
import { classColours, spoken } from './names'

/** A large look at one sample with all that is known of it; the arrow keys go on to its neighbours. */
export function Peek({ sheet, row: at, workspace, close, like }: { sheet: Sheet; row: number; workspace: string; close: () => void; like: (id: string) => void }) {
  const main = sheet.ids[at]!
  const slots = useSlots(main)
  const [chosen, choose] = useState({ of: main, sample: main })
  const id = chosen.of === main ? chosen.sample : main
  const show = useCallback((sample: string) => choose({ of: main, sample }), [main])
  const row = Math.max(0, sheet.row(id))
  const thumb = useThumb(id)
  const picture = usePicture(id, 1600)
  const history = useQuery({ ...asked(['annotations', id], () => api.GET('/api/v1/samples/{sample}/annotations', { params: { path: { sample: id } } })), placeholderData: undefined })
  useEffect(() => bindKeys({ Escape: { label: 'Close the peek', run: close }, Space: { label: 'Close the peek', run: close, hidden: true }, s: { label: 'Find similar', run: () => like(id) } }), [close, like, id])
  const predicted = textAt(sheet, 'predicted', row)
  const score = numberAt(sheet, 'score', row)
  const label = textAt(sheet, 'label', row)
  const kind = textAt(sheet, 'author_kind', row)
  const colours = classColours(sheet)
  const facts = [...sheet.columns.keys()].filter((name) => !['label', 'author_kind', 'predicted', 'score', 'group', 'place'].includes(name) && textAt(sheet, name, row) !== '')
  return (
    <section aria-label={`Peek at ${sheet.names[row]}`} className="absolute inset-0 z-20 flex bg-bg">
      <div className="flex min-w-0 grow flex-col">
      <div className="flex min-h-0 grow items-center justify-center bg-well p-4" style={{ backgroundColor: sheet.colours[row]! < 0 ? undefined : `color-mix(in oklab, ${tint(sheet.colours[row]!)} 12%, var(--well))` }}>
        <Medium sample={id}>
          {picture.error ? (
            <Failed what="The picture" error={picture.error} />
          ) : (
            (picture.url ?? thumb) && <img src={picture.url ?? thumb} alt={sheet.names[row]} className={cx('max-h-full max-w-full object-contain', smallest(sheet, row) < 500 && 'h-full w-full')} />
          )}
        </Medium>
      </div>
      <SlotStrip members={slots} shown={id} onShow={show} />
      </div>
      <div className="flex w-75 shrink-0 flex-col gap-4 max-lg:w-52 overflow-y-auto border-l border-line p-4" tabIndex={0} role="region" aria-label="What is known">
        <div className="flex items-start gap-2">
          <div className="min-w-0 grow">
            <h2 className="truncate text-base font-semibold">{sheet.names[row]}</h2>
            <Copyable text={id} short={18} />
          </div>
          <Button look="quiet" small icon={<X size={14} />} aria-label="Close the peek" onClick={close} />
        </div>
        <div className="flex gap-2">
          <Link to="/w/$workspace/s/$sample" params={{ workspace, sample: id }} className="inline-flex h-7 items-center gap-1.5 rounded-md border border-line-strong bg-surface px-2.5 hover:bg-raised">
            <ExternalLink size={13} aria-hidden /> Open <kbd>↵</kbd>
          </Link>
          <Button icon={<ScanSearch size={13} />} keys="S" onClick={() => like(id)}>
            Similar
          </Button>
        </div>
        <section className="flex flex-col gap-1.5">
          <h3 className="text-xs text-ink-2">Label</h3>
          {label ? (
            <span className="flex items-center gap-2">
              <Swatch colour={colours.get(label) ?? 'var(--ink-3)'} />
              {kind === 'model' ? <Tag tone="machine">{label}</Tag> : <span>{label}</span>}
              {kind && kind !== 'person' && <span className="text-xs text-ink-3">{kind === 'rule' ? 'accepted under a certificate' : 'a model, not accepted'}</span>}
            </span>
          ) : (
            <span className="text-ink-3">unlabelled</span>
          )}
          {predicted && (
            <span className="flex items-center gap-2">
              <Tag tone="machine">
                <Swatch colour={colours.get(predicted) ?? 'var(--ink-3)'} /> {predicted}
                {!Number.isNaN(score) && <span className="num">{score.toFixed(3)}</span>}
              </Tag>
              <span className="text-xs text-ink-3">newest prediction</span>
            </span>
          )}
        </section>
        <section>
          <h3 className="mb-1 text-xs text-ink-2">History</h3>
          {history.data?.items.length === 0 && <p className="text-xs text-ink-3">Nobody has labelled it yet.</p>}
          <ol className="flex flex-col">
            {[...(history.data?.items ?? [])].reverse().map((one) => (
              <li key={one.id} className="flex h-6 items-center gap-2 text-xs" title={moment(one.made_at)}>
                {one.author_kind === 'model' ? <Tag tone="machine">{one.label || 'taken back'}</Tag> : <span className="truncate">{one.label || 'taken back'}</span>}
                <span className="min-w-0 truncate text-ink-3">{one.author}</span>
                <span className="num ml-auto shrink-0 text-ink-3">{ago(one.made_at)}</span>
              </li>
            ))}
          </ol>
        </section>
        <section>
          <h3 className="mb-1 text-xs text-ink-2">Known</h3>
          <dl className="text-xs">
            {facts.map((name) => (
              <div key={name} className="flex h-6 items-center gap-3">
                <dt className="shrink-0 text-ink-3">{spoken(name)}</dt>
                <dd className="num ml-auto min-w-0 truncate" title={textAt(sheet, name, row)}>
                  {fact(sheet, name, row)}
                </dd>
              </div>
            ))}
          </dl>
        </section>
      </div>
    </section>
  )
}

const smallest = (sheet: Sheet, row: number): number => Math.min(numberAt(sheet, 'width', row) || 0, numberAt(sheet, 'height', row) || 0)

function fact(sheet: Sheet, name: string, row: number): string {
  if (name === 'size_bytes') return bytes(numberAt(sheet, name, row))
  if (name === 'ingested_at' || name === 'captured_at') return ago(textAt(sheet, name, row))
  if (name === 'width' || name === 'height') return `${count(numberAt(sheet, name, row))} px`
  return textAt(sheet, name, row)
}
