import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { api } from '@/api/client'
import { Problem } from '@/api/problem'
import { Button } from '@/ui/button'
import { Field, Input } from '@/ui/field'

/** The door: an API key, or the one-time link that `sightloop serve` prints. */
export function SignIn({ onDone, title = 'Sign in to Sightloop' }: { onDone: (workspace: string) => void; title?: string }) {
  const [key, setKey] = useState('')
  const enter = useMutation({ mutationFn: () => api.POST('/api/v1/session', { body: { key: key.trim() } }), onSuccess: ({ data }) => onDone(data!.workspace) })
  const problem = enter.error instanceof Problem ? enter.error : null
  return (
    <div className="flex h-full items-center justify-center p-4">
      <form
        className="flex w-90 flex-col gap-4"
        onSubmit={(event) => {
          event.preventDefault()
          enter.mutate()
        }}
      >
        <Mark />
        <h1 className="text-lg font-semibold">{title}</h1>
        <Field label="API key" hint={problem ? undefined : 'It begins with sl_. An admin of the workspace makes one.'} error={problem ? `${problem.message} ${problem.hint}` : undefined}>
          <Input type="password" autoFocus autoComplete="current-password" name="key" required value={key} onChange={(event) => setKey(event.target.value)} className="mono h-8" />
        </Field>
        <Button look="primary" type="submit" busy={enter.isPending} disabled={!key.trim()} className="h-8">
          Sign in
        </Button>
        <p className="text-xs text-ink-2">
          On your own machine, open the link that <span className="mono">sightloop serve</span> printed: it signs you in as the owner.
        </p>
      </form>
    </div>
  )
}

export function Mark({ size = 20 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 18 18" aria-hidden>
      <rect x="1" y="1" width="16" height="16" rx="4" fill="none" stroke="currentColor" strokeWidth="1.5" />
      <rect x="5.5" y="5.5" width="7" height="7" fill="var(--machine)" />
    </svg>
  )
}
