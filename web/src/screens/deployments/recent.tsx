import { useQuery } from '@tanstack/react-query'
import { Link, useParams } from '@tanstack/react-router'
import { useEffect, useState } from 'react'
import { asked, request } from '@/api/client'
import { alsoThumbs } from '@/media/thumbs'
import { Thumb } from '@/screens/runs/behind'
import { ThingLink } from '@/screens/runs/thing'
import { Bars } from '@/charts/bars'
import { shortNumber } from '@/charts/clock'
import { cx } from '@/ui/classes'
import { Dialog } from '@/ui/dialog'
import { ago, moment, percent } from '@/ui/format'
import { Section } from '@/ui/page'
import { Copyable, Loaded } from '@/ui/states'
import { Tree } from '@/ui/tree'
import { newestQuery, type Prediction } from './queries'

/** The newest predictions as a strip; a click shows one with its medium, scores and outcome. */
export function Recent({ deployment }: { deployment: string }) {
  const recent = useQuery({ ...newestQuery(deployment), refetchInterval: 5000 })
  const [open, setOpen] = useState<Prediction | null>(null)
  useEffect(() => alsoThumbs((recent.data ?? []).flatMap((one) => (one.sample ? [one.sample] : []))), [recent.data])
  return (
    <Section title="Recent predictions">
      <Loaded query={recent} what="Recent predictions">
        {(items) =>
          items.length === 0 ? (
            <p className="text-ink-2">Nothing was predicted yet.</p>
          ) : (
            <div className="flex gap-2 overflow-x-auto pb-2" role="group" aria-label="Newest first" tabIndex={0}>
              {items.map((one) => (
                <button key={one.id} type="button" onClick={() => setOpen(one)} className="group flex w-24 shrink-0 flex-col text-left text-2xs">
                  <span className="block rounded-sm border border-dashed border-machine p-px group-hover:border-ink">
                    {one.sample ? <Thumb sample={one.sample} className="h-20 w-full" /> : <Medium prediction={one.id} className="h-20 w-full" />}
                  </span>
                  <span className="num truncate pt-0.5 text-machine">
                    {one.label} {percent(one.score, 0)}
                  </span>
                  <span className="num text-ink-3">{ago(one.made_at)}</span>
                </button>
              ))}
            </div>
          )
        }
      </Loaded>
      {open && <Detail one={open} onClose={() => setOpen(null)} />}
    </Section>
  )
}

/** The bytes that were predicted on, as a picture where the browser can show them. */
function Medium({ prediction, className }: { prediction: string; className?: string }) {
  const [failed, setFailed] = useState(false)
  const medium = useQuery({ ...asked(['prediction-media', prediction], async (signal) => ({ data: URL.createObjectURL(await (await request(`/api/v1/predictions/${prediction}/media`, { signal })).blob()) })), staleTime: Infinity, retry: false })
  const url = medium.data
  useEffect(() => () => void (url && setTimeout(() => URL.revokeObjectURL(url), 60_000)), [url])
  if (medium.isError || failed) return <span className={cx('flex items-center justify-center rounded-sm bg-well text-2xs text-ink-3', className)}>not kept</span>
  return <span className={cx('block overflow-hidden rounded-sm bg-well', className)}>{url && <img src={url} alt="" onError={() => setFailed(true)} className="size-full object-contain" />}</span>
}

function Detail({ one, onClose }: { one: Prediction; onClose: () => void }) {
  const { workspace = 'default' } = useParams({ strict: false })
  const { classes = [], probabilities = [] } = one.payload as { classes?: string[]; probabilities?: number[] }
  const scores = classes.map((name, at) => ({ key: name, name, value: probabilities[at] ?? 0, text: percent(probabilities[at]), machine: true })).sort((a, b) => b.value - a.value)
  const outcome = Object.keys(one.outcome).length > 0
  return (
    <Dialog open onOpenChange={onClose} title="Prediction" wide>
      <div className="grid gap-6 md:grid-cols-[minmax(0,1fr)_300px]">
        <Medium prediction={one.id} className="h-96 w-full" />
        <div className="flex flex-col gap-4">
          <div className="flex items-baseline gap-2">
            <span className="text-lg font-semibold text-machine">{one.label}</span>
            <span className="num text-machine">{percent(one.score)}</span>
          </div>
          <Bars label="Probability of each class" bars={scores.slice(0, 12)} />
          <dl className="grid grid-cols-[96px_minmax(0,1fr)] gap-y-1 text-xs">
            {(
              [
                ['Made', moment(one.made_at)],
                ['Latency', `${shortNumber(one.latency_ms)} ms`],
                ['Model', <ThingLink key="m" id={one.model_version}>{one.model_version.slice(0, 14)}…</ThingLink>],
                ['Brightness', shortNumber(one.brightness)],
                ['Sharpness', shortNumber(one.blur)],
              ] as [string, React.ReactNode][]
            ).map(([name, value]) => (
              <div key={name} className="contents">
                <dt className="text-ink-2">{name}</dt>
                <dd className="num truncate">{value}</dd>
              </div>
            ))}
          </dl>
          {outcome ? <Tree name="outcome" value={one.outcome} open /> : <p className="text-xs text-ink-2">No outcome has come back yet.</p>}
          {one.sample && (
            <Link to="/w/$workspace/s/$sample" params={{ workspace, sample: one.sample }} className="text-sel hover:underline">
              Open the sample
            </Link>
          )}
          <Copyable text={one.id} short={20} />
        </div>
      </div>
    </Dialog>
  )
}
