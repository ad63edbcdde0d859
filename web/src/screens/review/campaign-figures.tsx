import { Link, useParams } from '@tanstack/react-router'
import { count, decimal, percent, span } from '@/ui/format'
import { Tag } from '@/ui/marks'
import { pace, progress } from './asking'
import type { Attempt, Campaign, Counts } from './data'
import type { Given } from './line'

/** How far a campaign is, how fast this sitting goes, and what the rule may promise of the labels it accepts. */
export function CampaignFigures({ campaign, counts, given }: { campaign: Campaign; counts: Counts | undefined; given: readonly Given[] }) {
  const mine = pace(given)
  return (
    <>
      <section aria-label="Progress" className="flex flex-col gap-2 border-b border-line p-3">
        <h2 className="text-xs font-semibold">Progress</h2>
        {counts && (
          <>
            <Bar human={counts.human / counts.size} rule={counts.auto / counts.size} label={`${percent(progress(counts), 0)} labelled`} />
            <dl className="num grid grid-cols-[1fr_auto] gap-y-1 text-xs">
              <Row name="Samples" value={count(counts.size)} />
              <Row name="Answered by people" value={count(counts.human)} />
              <Row name="Accepted by the rule" value={count(counts.auto)} machine />
              <Row name="Open now" value={count(counts.open)} />
              <Row name="Suggestions taken as they were" value={counts.accepts + counts.fixes ? percent(counts.accepts / (counts.accepts + counts.fixes), 0) : '–'} />
            </dl>
          </>
        )}
      </section>
      {given.length > 0 && (
        <section aria-label="This sitting" className="flex flex-col gap-2 border-b border-line p-3">
          <h2 className="text-xs font-semibold">This sitting</h2>
          <dl className="num grid grid-cols-[1fr_auto] gap-y-1 text-xs">
            <Row name="Answers" value={count(given.length)} />
            <Row name="Per minute" value={mine.per_minute === null ? '–' : decimal(mine.per_minute, 0)} />
            <Row name="Median time" value={mine.median_s === null ? '–' : span(mine.median_s)} />
            <Row name="Accepted as suggested" value={percent(mine.accepted, 0)} />
          </dl>
        </section>
      )}
      <section aria-label="Bound" className="flex flex-col gap-2 p-3">
        <h2 className="text-xs font-semibold">What is promised</h2>
        <p className="text-xs text-ink-2">
          Of the labels that the rule accepts, at most <b className="num whitespace-nowrap font-medium text-ink">{percent(campaign.schedule.eps, 0)}</b> are wrong, with probability <b className="num whitespace-nowrap font-medium text-ink">{percent(1 - campaign.schedule.alpha, 0)}</b> over all attempts.
        </p>
        {campaign.attempts.map((one, index) => (
          <AttemptLine key={index} attempt={one} number={index + 1} />
        ))}
        {!campaign.attempts.length && <p className="text-xs text-ink-3">No region has been proposed yet.</p>}
      </section>
    </>
  )
}

function AttemptLine({ attempt, number }: { attempt: Attempt; number: number }) {
  const { workspace } = useParams({ from: '/w/$workspace' })
  const said = { open: 'being audited', certified: 'certified', given_up: 'given up' }[attempt.state]
  return (
    <div className="num flex items-center gap-2 text-xs">
      <span className="text-ink-2">Attempt {number}</span>
      <Tag tone={attempt.state === 'given_up' ? 'warn' : 'plain'}>{said}</Tag>
      <span className="ml-auto text-ink-2">
        {count(attempt.accepted)} of {count(attempt.size)}
      </span>
      {attempt.receipt && (
        <Link to="/w/$workspace/audit" params={{ workspace }} search={{ subject: attempt.receipt }} className="text-sel hover:underline" title={attempt.receipt}>
          receipt
        </Link>
      )}
    </div>
  )
}

/** People solid, the rule dashed: what is labelled, and by whom. */
export function Bar({ human, rule, label }: { human: number; rule: number; label: string }) {
  return (
    <div role="img" aria-label={label} className="flex h-1.5 overflow-hidden rounded-full bg-line">
      <div className="bg-ink" style={{ width: `${Math.min(100, 100 * human)}%` }} />
      <div className="bg-machine opacity-80" style={{ width: `${Math.min(100, 100 * rule)}%` }} />
    </div>
  )
}

function Row({ name, value, machine }: { name: string; value: string; machine?: boolean }) {
  return (
    <>
      <dt className="text-ink-2">{name}</dt>
      <dd className={machine ? 'text-right text-machine' : 'text-right'}>{value}</dd>
    </>
  )
}
