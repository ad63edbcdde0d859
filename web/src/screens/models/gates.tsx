import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { api } from '@/api/client'
import { Problem } from '@/api/problem'
import { Button } from '@/ui/button'
import { cx } from '@/ui/classes'
import { decimal, moment, percent } from '@/ui/format'
import { Tag } from '@/ui/marks'
import { Section } from '@/ui/page'
import { Receipt } from '@/ui/receipt'
import { Loaded } from '@/ui/states'
import { gatesQuery, type AliasMove, type Gate, type Model, type ModelVersion, type SliceVerdict } from './queries'

/** The gates that a version went through, with the evidence of each slice, and every move of the champion alias. */
export function Gates({ model, version, versions, moves }: { model: Model; version: ModelVersion; versions: ModelVersion[]; moves: AliasMove[] }) {
  const cache = useQueryClient()
  const gates = useQuery(gatesQuery(version.id))
  const champion = model.aliases.champion
  const compare = useMutation({
    mutationFn: () => api.POST('/api/v1/gates', { body: { challenger: version.id, champion: champion ?? null, margin: 0.05, alpha: 0.05, slices: Object.keys((version.metrics as { slices?: object }).slices ?? {}), superiority: [], minimum_auroc: null } }),
    onSuccess: () => cache.invalidateQueries(),
  })
  const number = (id: string) => versions.find((one) => one.id === id)?.number ?? '?'
  return (
    <div className="h-full overflow-auto p-4" tabIndex={0} role="region" aria-label="Gates">
      <div className="flex max-w-4xl flex-col gap-8">
        <Section
          title="Gates"
          actions={
            champion !== version.id && (
              <Button needs="model.write" busy={compare.isPending} onClick={() => compare.mutate()}>
                Compare with the champion
              </Button>
            )
          }
        >
          {compare.error instanceof Problem && <p className="text-crit">{compare.error.message} {compare.error.hint}</p>}
          <Loaded query={gates} what="The gates">
            {(all) =>
              all.length === 0 ? (
                <p className="text-ink-2">No gate has looked at this version. Without a passed gate it can be promoted only with a reason, which the receipt keeps.</p>
              ) : (
                <div className="flex flex-col gap-6">
                  {all.toReversed().map((gate) => (
                    <GateShown key={gate.id} gate={gate} name={gate.champion ? `against v${number(gate.champion)}` : 'first version'} />
                  ))}
                </div>
              )
            }
          </Loaded>
        </Section>
        <Section title="Moves of the champion">
          {moves.length === 0 && <p className="text-ink-2">The alias has not been given yet.</p>}
          <ol>
            {moves.toReversed().map((move) => (
              <li key={move.receipt} className="grid h-8 min-w-[600px] grid-cols-[160px_120px_minmax(0,1fr)_minmax(0,1fr)_80px] items-center gap-3 border-b border-line text-xs">
                <span className="num text-ink-2">{moment(move.made_at)}</span>
                <span className="num">
                  {move.from_version ? `v${number(move.from_version)} → ` : ''}v{number(move.to_version)}
                </span>
                <span className="truncate text-ink-2">{move.actor}</span>
                <span className="truncate text-ink-2">{move.reason}</span>
                <Receipt id={move.receipt} />
              </li>
            ))}
          </ol>
        </Section>
      </div>
    </div>
  )
}

/** One gate: its bound, its verdict, and the difference on every slice with its interval beside the margin. */
export function GateShown({ gate, name }: { gate: Gate; name: string }) {
  const { verdict } = gate
  const paired = verdict.paired
  return (
    <article className="flex flex-col gap-2">
      <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
        <Tag tone={gate.passed ? 'plain' : 'crit'}>{gate.passed ? 'passed' : 'refused'}</Tag>
        <span className="font-medium">{name}</span>
        <span className="num text-xs text-ink-2">{moment(gate.made_at)}</span>
        {verdict.look !== undefined && <span className="num text-xs text-ink-2">look {verdict.look} at this test version</span>}
        <span className="ml-auto text-xs">
          <Receipt id={gate.receipt} />
        </span>
      </div>
      {verdict.reasons.length > 0 && <ul className="list-inside list-disc text-crit">{verdict.reasons.map((reason) => <li key={reason}>{reason}</li>)}</ul>}
      {paired && (
        <>
          <p className="text-xs text-ink-2">
            Bound: a version that is less accurate by <span className="num text-ink">{percent(paired.margin)}</span> or more, overall or on a gated slice, passes with a chance of at most <span className="num text-ink">{percent(paired.alpha)}</span>.
          </p>
          <Differences slices={paired.slices} margin={paired.margin} superior={paired.superior ?? []} />
        </>
      )}
      {verdict.auroc && (
        <p className="num text-xs text-ink-2">
          AUROC {decimal(verdict.auroc.value)} [{decimal(verdict.auroc.lower)}, {decimal(verdict.auroc.upper)}] over {verdict.auroc.n} samples{verdict.minimum_auroc ? `, at least ${verdict.minimum_auroc} was asked` : ''}
        </p>
      )}
    </article>
  )
}

function Differences({ slices, margin, superior }: { slices: Record<string, SliceVerdict>; margin: number; superior: string[] }) {
  const rows = Object.entries(slices)
  const reach = Math.max(margin * 1.5, ...rows.flatMap(([, one]) => [Math.abs(one.lower), Math.abs(one.upper)])) * 1.05
  const x = (value: number) => `${(50 + (50 * value) / reach).toFixed(2)}%`
  return (
    <div className="overflow-x-auto" tabIndex={0} role="region" aria-label="Difference of each slice">
      <table className="num w-full min-w-[720px] border-collapse text-xs">
        <thead className="text-ink-2">
          <tr className="h-7 text-right [&>th]:font-normal">
            <th className="text-left">slice</th>
            <th>samples</th>
            <th>difference</th>
            <th>95 % interval</th>
            <th className="w-[34%] px-4 text-center">worse ← → better</th>
            <th>p</th>
            <th>power</th>
            <th>verdict</th>
          </tr>
        </thead>
        <tbody>
          {rows.map(([name, one]) => (
            <tr key={name} className="h-8 border-t border-line text-right">
              <th scope="row" className="text-left font-normal">
                {name}
              </th>
              <td className="text-ink-2">{one.n}</td>
              <td>{signed(one.difference)}</td>
              <td className="text-ink-2">
                [{signed(one.lower)}, {signed(one.upper)}]
              </td>
              <td className="px-4">
                <span aria-hidden className="relative block h-4">
                  <span className="absolute inset-y-0 w-px bg-line-strong" style={{ left: '50%' }} />
                  <span className="absolute inset-y-0 border-l border-dashed border-warn" style={{ left: x(-margin) }} title="margin" />
                  <span className={cx('absolute top-1/2 h-0.5 -translate-y-1/2', one.passed ? 'bg-ink-2' : 'bg-crit')} style={{ left: x(one.lower), right: `calc(100% - ${x(one.upper)})` }} />
                  <span className={cx('absolute top-1/2 size-2 -translate-x-1/2 -translate-y-1/2 rounded-full', one.passed ? 'bg-ink' : 'bg-crit')} style={{ left: x(one.difference) }} />
                </span>
              </td>
              <td className="text-ink-2">{one.p_value < 0.001 ? '< 0.001' : one.p_value.toFixed(3)}</td>
              <td className="text-ink-2">{percent(one.power, 0)}</td>
              <td className={one.passed ? '' : 'text-crit'}>{one.passed ? (superior.includes(name) ? 'better' : 'not worse') : one.further_needed ? `${one.further_needed} more needed` : 'not shown'}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

const signed = (value: number) => `${value > 0 ? '+' : value < 0 ? '−' : ''}${(100 * Math.abs(value)).toFixed(1)} %`
