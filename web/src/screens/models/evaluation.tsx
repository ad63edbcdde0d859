import { useMemo, useState } from 'react'
import { ConfusionMatrix } from '@/charts/confusion-matrix'
import { CalibrationCurve, PrCurve } from '@/charts/curves'
import { Histogram } from '@/charts/bars'
import { averagePrecision, byClass, calibration, confusion, histogram, prCurve, wilson } from '@/charts/statistics'
import { SamplesBehind } from '@/screens/runs/behind'
import { WithLimits } from '@/screens/runs/state'
import { cx } from '@/ui/classes'
import { count, decimal, percent } from '@/ui/format'
import { Section } from '@/ui/page'
import { Select } from '@/ui/select'
import { cellOf, cellText, chosenText, confidenceOf, placesOf, type Chosen, type Results } from './selection'

type Figures = { accuracy?: number; accuracy_ci?: [number, number]; auroc?: number; auroc_ci?: [number, number]; ece?: number; slices?: Record<string, Record<string, Figures & { n?: number }>> }

/** Results on a frozen test version: every number is a door to the samples that it counts. `cell` is the open door. */
export function EvaluationView({ results, metrics, cell, onCell }: { results: Results; metrics: Record<string, unknown>; cell?: string; onCell: (cell: string | undefined) => void }) {
  const figures = metrics as Figures
  const [positive, setPositive] = useState(results.classes.at(-1)!)
  const chosen = useMemo(() => cellOf(cell), [cell])
  const places = useMemo(() => (chosen ? placesOf(results, chosen) : []), [results, chosen])
  const behind = useMemo(() => places.map((at) => ({ sample: results.samples[at]!, label: results.label[at]!, predicted: results.predicted[at]!, score: confidenceOf(results, at) })), [places, results])
  const among = useMemo(() => (chosen?.slice ? placesOf(results, { slice: chosen.slice }) : undefined), [results, chosen])
  const matrix = useMemo(() => confusion(results.classes, results.label, results.predicted, among), [results, among])
  const rows = useMemo(() => byClass(results.classes, matrix), [results, matrix])
  const curve = useMemo(() => {
    const column = results.classes.indexOf(positive)
    const use = among ?? results.samples.map((_, at) => at)
    return prCurve(use.map((at) => results.probabilities[at]![column]!), use.map((at) => results.label[at] === positive))
  }, [results, positive, among])
  const confidence = useMemo(() => (among ?? results.samples.map((_, at) => at)).map((at) => ({ value: confidenceOf(results, at), right: results.label[at] === results.predicted[at] })), [results, among])
  const bins = useMemo(() => calibration(confidence.map((one) => one.value), confidence.map((one) => one.right)), [confidence])
  const spread = useMemo(() => histogram(confidence.map((one) => one.value), 10, 0, 1), [confidence])
  const slice = chosen?.slice
  const open = (next: Chosen) => onCell(cellText({ ...next, ...(slice && !next.slice ? { slice } : {}) }))
  const at = chosen?.gt !== undefined && chosen.pred !== undefined ? ([results.classes.indexOf(chosen.gt), results.classes.indexOf(chosen.pred)] as const) : undefined
  const right = confidence.filter((one) => one.right).length
  const [lower, upper] = wilson(right, confidence.length)
  const own = slice ? figures.slices?.[slice[0]]?.[slice[1]] : figures
  return (
    <div className="flex h-full min-h-0">
      <div className="min-w-0 grow overflow-auto p-4" tabIndex={0} role="region" aria-label="Evaluation">
        <div className="flex max-w-[1180px] flex-col gap-6">
          <div className="flex flex-wrap items-end gap-x-8 gap-y-3">
            <Door onClick={() => open({ right: true })} label="Accuracy" value={<WithLimits value={right / (confidence.length || 1)} lower={own?.accuracy_ci?.[0] ?? lower} upper={own?.accuracy_ci?.[1] ?? upper} />} />
            <Door onClick={() => open({ right: false })} label="Wrong" value={count(confidence.length - right)} />
            <Door onClick={() => open({})} label="Test samples" value={count(confidence.length)} />
            {own?.auroc !== undefined && <Plain label="AUROC" value={<WithLimits value={own.auroc} lower={own.auroc_ci?.[0]} upper={own.auroc_ci?.[1]} />} />}
            {own?.ece !== undefined && <Plain label="Calibration error" value={decimal(own.ece)} />}
            {slice && (
              <button type="button" className="mb-0.5 rounded-sm bg-sel-bg px-2 py-0.5 text-xs text-sel" onClick={() => onCell(undefined)}>
                Only {slice[0]} {slice[1]} ×
              </button>
            )}
          </div>
          <div className="flex flex-wrap gap-x-10 gap-y-6">
            <Section title="Confusion">
              <ConfusionMatrix classes={results.classes} matrix={matrix} chosen={at} onPick={(truth, predicted) => open({ gt: results.classes[truth], pred: results.classes[predicted] })} />
            </Section>
            <Section title="By class">
              <ClassTable rows={rows} open={open} />
            </Section>
          </div>
          <div className="flex flex-wrap gap-x-10 gap-y-6">
            <Section title="Precision and recall" actions={<Select label="Class of the curve" value={positive} onChange={setPositive} options={results.classes.map((value) => ({ value, label: value }))} />}>
              <PrCurve points={curve} name={positive} onPick={(threshold) => open({ above: [positive, threshold] })} />
              <p className="num text-xs text-ink-2">Average precision {decimal(averagePrecision(curve))}</p>
            </Section>
            <Section title="Calibration">
              <CalibrationCurve bins={bins} onPick={(bin) => open({ conf: [bin.from, bin.to] })} />
            </Section>
            <div className="w-72">
              <Section title="Confidence">
                <Histogram counts={spread} from={0} to={1} height={150} label="Samples by confidence" text={(value) => percent(value, 0)} onPick={(bin) => open({ conf: [bin / 10, (bin + 1) / 10] })} />
              </Section>
            </div>
          </div>
          <Slices results={results} figures={figures} chosen={slice} open={(facet, value) => onCell(cellText({ slice: [facet, value] }))} />
        </div>
      </div>
      {chosen && <SamplesBehind title={chosenText(chosen)} items={behind} onClose={() => onCell(undefined)} />}
    </div>
  )
}

function Door({ label, value, onClick }: { label: string; value: React.ReactNode; onClick: () => void }) {
  return (
    <button type="button" onClick={onClick} className="group flex flex-col text-left">
      <span className="text-xs text-ink-2">{label}</span>
      <span className="num text-lg font-semibold group-hover:underline">{value}</span>
    </button>
  )
}

function Plain({ label, value }: { label: string; value: React.ReactNode }) {
  return (
    <span className="flex flex-col">
      <span className="text-xs text-ink-2">{label}</span>
      <span className="num text-lg font-semibold">{value}</span>
    </span>
  )
}

const HEAD = 'h-8 px-2 text-xs font-normal text-ink-2 border-b border-line'
const CELL = 'h-8 px-2 border-b border-line'

function ClassTable({ rows, open }: { rows: ReturnType<typeof byClass>; open: (chosen: Chosen) => void }) {
  const share = (value: number | null, limits: [number, number]) => (value === null ? '–' : <WithLimits value={value} lower={limits[0]} upper={limits[1]} />)
  return (
    <div className="max-h-96 overflow-auto" tabIndex={0} role="region" aria-label="By class">
      <table className="num border-collapse text-right text-xs">
        <thead>
          <tr>
            <th className={cx(HEAD, 'text-left')}>class</th>
            <th className={HEAD}>samples</th>
            <th className={HEAD}>predicted</th>
            <th className={HEAD}>precision</th>
            <th className={HEAD}>recall</th>
            <th className={HEAD}>F1</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.name}>
              <th scope="row" className={cx(CELL, 'text-left font-normal')}>
                {row.name}
              </th>
              <td className={CELL}>
                <button type="button" className="hover:underline" onClick={() => open({ gt: row.name })}>
                  {count(row.n)}
                </button>
              </td>
              <td className={CELL}>
                <button type="button" className="hover:underline" onClick={() => open({ pred: row.name })}>
                  {count(row.named)}
                </button>
              </td>
              <td className={CELL}>
                <button type="button" className="hover:underline" onClick={() => open({ pred: row.name, right: false })} title={`Predicted ${row.name}, wrongly`}>
                  {share(row.precision, row.precisionLimits)}
                </button>
              </td>
              <td className={CELL}>
                <button type="button" className="hover:underline" onClick={() => open({ gt: row.name, right: false })} title={`${row.name} that was missed`}>
                  {share(row.recall, row.recallLimits)}
                </button>
              </td>
              <td className={CELL}>{decimal(row.f1)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

function Slices({ results, figures, chosen, open }: { results: Results; figures: Figures; chosen?: [string, string]; open: (facet: string, value: string) => void }) {
  const slices = useMemo(
    () =>
      Object.entries(results.slices).flatMap(([facet, values]) =>
        [...new Set(values)].sort().map((value) => {
          const places = placesOf(results, { slice: [facet, value] })
          const right = places.filter((at) => results.label[at] === results.predicted[at]).length
          const limits = figures.slices?.[facet]?.[value]?.accuracy_ci ?? wilson(right, places.length)
          return { facet, value, n: places.length, share: right / (places.length || 1), limits }
        }),
      ),
    [results, figures],
  )
  if (!slices.length) return null
  return (
    <Section title="Slices">
      <div className="grid max-w-3xl gap-x-8" role="group" aria-label="Accuracy of each slice">
        {slices.map((one) => (
          <button key={`${one.facet}=${one.value}`} type="button" aria-pressed={chosen?.[0] === one.facet && chosen[1] === one.value} onClick={() => open(one.facet, one.value)} className={cx('grid h-8 grid-cols-[minmax(0,1fr)_64px_160px_200px] items-center gap-3 rounded-sm border-b border-line px-2 text-left text-xs hover:bg-raised', chosen?.[0] === one.facet && chosen[1] === one.value && 'bg-sel-bg')}>
            <span className="truncate">
              <span className="text-ink-2">{one.facet}</span> {one.value}
            </span>
            <span className="num text-right text-ink-2">{count(one.n)}</span>
            <span className="text-right">
              <WithLimits value={one.share} lower={one.limits[0]} upper={one.limits[1]} />
            </span>
            <span aria-hidden className="relative h-3">
              <span className="absolute inset-x-0 top-1/2 h-px bg-line-strong" />
              <span className="absolute top-1/2 h-0.5 -translate-y-1/2 bg-ink-3" style={{ left: `${100 * one.limits[0]}%`, width: `${100 * (one.limits[1] - one.limits[0])}%` }} />
              <span className="absolute top-1/2 size-2 -translate-x-1/2 -translate-y-1/2 rounded-full bg-ink" style={{ left: `${100 * one.share}%` }} />
            </span>
          </button>
        ))}
      </div>
    </Section>
  )
}
