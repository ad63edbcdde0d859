import type { ReactNode } from 'react'

/** A screen: a header of 44 px with its title and verbs, and what fills the rest. */
export function Page({ title, sub, actions, children }: { title: ReactNode; sub?: ReactNode; actions?: ReactNode; children: ReactNode }) {
  return (
    <div className="relative flex h-full min-h-0 flex-col">
      <header className="flex min-h-11 shrink-0 flex-wrap items-center gap-x-3 gap-y-1 border-b border-line px-4 py-1.5">
        <h1 className="truncate text-sm font-semibold">{title}</h1>
        {sub && <div className="num flex min-w-0 items-center gap-2 truncate text-ink-2">{sub}</div>}
        <div className="ml-auto flex min-w-0 flex-wrap items-center justify-end gap-2">{actions}</div>
      </header>
      <div className="relative min-h-0 grow overflow-auto" tabIndex={-1}>
        {children}
      </div>
    </div>
  )
}

/** A titled part of a screen. */
export function Section({ title, actions, children }: { title: ReactNode; actions?: ReactNode; children: ReactNode }) {
  return (
    <section className="flex flex-col gap-2">
      <div className="flex min-h-7 items-center gap-2">
        <h2 className="text-sm font-semibold">{title}</h2>
        <div className="ml-auto flex items-center gap-2">{actions}</div>
      </div>
      {children}
    </section>
  )
}
