import { useQuery } from '@tanstack/react-query'
import { count, decimal, percent, span } from '@/ui/format'
import { Dialog } from '@/ui/dialog'
import { Figure } from '@/ui/marks'
import { Loaded } from '@/ui/states'
import { fetched, type Agreement, type ReviewQueue } from './data'

const HEAD = 'h-7 border-b border-line px-2 text-left text-xs font-normal text-ink-2'
const CELL = 'h-7 border-b border-line px-2'

/** How far the people of a queue agree: overall, by class and by person, with 95 % limits. */
export function AgreementDialog({ id, close }: { id: string; close: () => void }) {
  const queue = useQuery(fetched<ReviewQueue>(['review-queues', id], `/review-queues/${id}`))
  const agreement = useQuery(fetched<Agreement>(['review-queues', id, 'agreement'], `/review-queues/${id}/agreement`))
  return (
    <Dialog open onOpenChange={(open) => !open && close()} title={`Agreement${queue.data ? ` in ${queue.data.name}` : ''}`} description="Where several people answered the same image. Limits are 95 %." wide>
      <Loaded query={agreement} what="The agreement">
        {(found) => <Figures found={found} />}
      </Loaded>
    </Dialog>
  )
}

const limits = (both: [number, number] | null, digits = 0): string => (both ? `${percent(both[0], digits)} to ${percent(both[1], digits)}` : 'no limits yet')

function Figures({ found }: { found: Agreement }) {
  const people = Object.entries(found.by_annotator).sort(([, a], [, b]) => b.answers - a.answers)
  const classes = Object.entries(found.by_class).sort(([, a], [, b]) => a - b)
  const alpha = found.measure === 'krippendorff_alpha'
  return (
    <div className="num flex flex-col gap-6">
      <div className="flex gap-8">
        <Figure label={alpha ? "Krippendorff's alpha" : 'Agreement on objects'} value={alpha ? decimal(found.overall, 2) : percent(found.overall, 0)} sub={found.overall_interval ? (alpha ? `${decimal(found.overall_interval[0], 2)} to ${decimal(found.overall_interval[1], 2)}` : limits(found.overall_interval)) : 'no limits yet'} />
        <Figure label="Images compared" value={count(found.items)} />
        <Figure label="People" value={count(people.length)} />
      </div>
      {!found.items && <p className="text-ink-2">No image has two answers yet. The figures come with the first.</p>}
      {classes.length > 0 && (
        <table aria-label="By class" className="w-full border-collapse">
          <thead>
            <tr>
              <th className={HEAD}>Class</th>
              <th className={`${HEAD} text-right`}>Agreement</th>
              <th className={`${HEAD} text-right`}>Objects</th>
            </tr>
          </thead>
          <tbody>
            {classes.map(([name, share]) => (
              <tr key={name}>
                <td className={CELL}>{name}</td>
                <td className={`${CELL} text-right`}>{percent(share, 0)}</td>
                <td className={`${CELL} text-right`}>{count(found.by_class_count[name])}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {people.length > 0 && (
        <table aria-label="By person" className="w-full border-collapse">
          <thead>
            <tr>
              <th className={HEAD}>Person</th>
              <th className={`${HEAD} text-right`}>Answers</th>
              <th className={`${HEAD} text-right`}>Median time</th>
              <th className={`${HEAD} text-right`}>Agreement with others</th>
              <th className={`${HEAD} text-right`}>Known truth found</th>
            </tr>
          </thead>
          <tbody>
            {people.map(([person, one]) => (
              <tr key={person}>
                <td className={`${CELL} mono`}>{person}</td>
                <td className={`${CELL} text-right`}>{count(one.answers)}</td>
                <td className={`${CELL} text-right`}>{one.median_s === null ? '–' : span(one.median_s)}</td>
                <td className={`${CELL} text-right`} title={limits(one.agreement_interval)}>
                  {percent(one.agreement, 0)} {one.agreement_interval && <span className="text-ink-3">({limits(one.agreement_interval)})</span>}
                </td>
                <td className={`${CELL} text-right`}>
                  {one.honeypots ? `${percent(one.honeypot_accuracy, 0)} of ${count(one.honeypots)}` : '–'} {one.honeypot_interval && <span className="text-ink-3">({limits(one.honeypot_interval)})</span>}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </div>
  )
}
