import { useMutation, useQuery } from '@tanstack/react-query'
import { api, asked } from '@/api/client'
import { Wrong } from '@/screens/deployments/deploy'
import { Button } from '@/ui/button'
import { count } from '@/ui/format'
import { Section } from '@/ui/page'

/** What a policy would do on the newest alert and what that would cost; asking changes nothing. */
export function DryRun() {
  const policies = useQuery(asked(['policies'], () => api.GET('/api/v1/policies')))
  const ask = useMutation({ mutationFn: async (name: string) => (await api.POST('/api/v1/policies/{name}/dry-run', { params: { path: { name } } })).data! })
  const items = policies.data?.items ?? []
  return (
    <Section title="What the loop would do" actions={items.map((one) => <Button key={one.id} small busy={ask.isPending} onClick={() => ask.mutate(one.name)}>Try {one.name}</Button>)}>
      {policies.data && items.length === 0 && <p className="text-ink-2">No policy is declared. One says what happens by itself, and within which bounds: <span className="mono">sightloop policy apply</span>.</p>}
      <Wrong error={ask.error} />
      {ask.data && (
        <div className="flex flex-col gap-2 text-xs" role="status">
          <p className="num text-sm">
            {ask.data.would_act ? 'It would act' : 'It would not act'}: {count(ask.data.images_there)} of {count(ask.data.images_needed)} images are there, at most {count(ask.data.decisions_at_most)} decisions of people.
          </p>
          <ol>
            {ask.data.steps.map((step) => (
              <li key={step.step} className="grid min-h-7 grid-cols-[110px_minmax(0,1fr)_minmax(0,200px)] items-baseline gap-4 border-t border-line py-1">
                <span>{step.step}</span>
                <span className="text-ink-2">{step.does}</span>
                <span className={step.problem ? 'text-warn' : 'text-ink-2'}>{step.problem || step.costs}</span>
              </li>
            ))}
          </ol>
        </div>
      )}
    </Section>
  )
}
