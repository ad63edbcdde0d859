import { Check, Copy } from 'lucide-react'
import { useEffect, useState, type ReactNode } from 'react'
import type { UseQueryResult } from '@tanstack/react-query'
import { Problem } from '@/api/problem'
import { Button } from './button'
import { cx } from './classes'

/** What will be here, and how to get it: shown where there is nothing yet. */
export function Empty({ icon, title, children, actions }: { icon?: ReactNode; title: string; children?: ReactNode; actions?: ReactNode }) {
  return (
    <div className="flex h-full min-h-48 flex-col items-center justify-center gap-2 p-8 text-center">
      {icon && <div className="text-ink-3 [&>svg]:size-6">{icon}</div>}
      <h2 className="text-base font-medium">{title}</h2>
      {children && <p className="max-w-md text-ink-2">{children}</p>}
      {actions && <div className="mt-2 flex gap-2">{actions}</div>}
    </div>
  )
}

/** What failed, what still works, and a way to try again, in the place of the data. */
export function Failed({ error, retry, what }: { error: unknown; retry?: () => void; what: string }) {
  const problem = error instanceof Problem ? error : null
  const incident = String(problem?.facts.incident ?? problem?.code ?? '')
  return (
    <div role="alert" className="m-4 flex max-w-2xl flex-col gap-2 rounded-md border border-line-strong bg-surface p-4">
      <h2 className="text-base font-medium">
        <span className="mr-2 inline-block size-2 rounded-full bg-crit" aria-hidden />
        {what} could not be shown
      </h2>
      <p className="text-ink-2">{problem?.message ?? 'Something in this page failed.'}</p>
      {problem?.hint && <p className="text-ink-2">{problem.hint}</p>}
      <div className="flex items-center gap-3">
        {retry && <Button onClick={retry}>Try again</Button>}
        {incident && <Copyable text={incident} />}
      </div>
    </div>
  )
}

/** A query's data, or what stands in its place: nothing on the first load, the problem where it failed. */
export function Loaded<T>({ query, what, children }: { query: UseQueryResult<T>; what: string; children: (data: T) => ReactNode }) {
  if (query.data !== undefined) {
    return (
      <>
        <Progress busy={query.isFetching && (query.isPlaceholderData || query.isRefetchError)} />
        {children(query.data)}
      </>
    )
  }
  if (query.isError) return <Failed what={what} error={query.error} retry={() => void query.refetch()} />
  return <Progress busy />
}

/** A thin line on top of what is loading, after 150 ms. */
export function Progress({ busy }: { busy: boolean }) {
  const [late, setLate] = useState(false)
  useEffect(() => {
    if (!busy) return setLate(false)
    const timer = setTimeout(() => setLate(true), 150)
    return () => clearTimeout(timer)
  }, [busy])
  if (!late) return null
  return (
    <div role="progressbar" aria-label="Loading" className="pointer-events-none absolute inset-x-0 top-0 z-10 h-0.5 overflow-hidden">
      <div className="sweep h-full w-2/5 bg-ink-3" />
    </div>
  )
}

/** An id or hash in mono that a click copies. */
export function Copyable({ text, short, className }: { text: string; short?: number; className?: string }) {
  const [copied, setCopied] = useState(false)
  return (
    <button
      type="button"
      title={`Copy ${text}`}
      onClick={(event) => {
        event.preventDefault()
        event.stopPropagation()
        void navigator.clipboard?.writeText(text).then(() => {
          setCopied(true)
          setTimeout(() => setCopied(false), 1200)
        })
      }}
      className={cx('mono inline-flex items-center gap-1 text-ink-3 hover:text-ink', className)}
    >
      {short && text.length > short ? `${text.slice(0, short)}…` : text}
      {copied ? <Check size={11} aria-hidden /> : <Copy size={11} aria-hidden />}
      <span className="sr-only">{copied ? 'copied' : 'copy'}</span>
    </button>
  )
}
