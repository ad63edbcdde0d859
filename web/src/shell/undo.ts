import { useSyncExternalStore } from 'react'

export type Undoable = { label: string; undo: () => void | Promise<void> }

const stack: Undoable[] = []
let notice: { text: string; canUndo: boolean; at: number } | null = null
const listeners = new Set<() => void>()
let hide = 0

function show(next: typeof notice): void {
  notice = next
  clearTimeout(hide)
  if (next) hide = window.setTimeout(() => show(null), 8000)
  for (const tell of listeners) tell()
}

/** What was done last comes back first, whatever screen did it. */
export const undo = {
  /** Notes what was done and how to take it back; the notice offers it for 8 s, Ctrl+Z for ever. */
  done: (one: Undoable, quiet = false) => {
    stack.push(one)
    if (stack.length > 500) stack.shift()
    if (!quiet) show({ text: one.label, canUndo: true, at: Date.now() })
  },
  last: async () => {
    const one = stack.pop()
    if (!one) return
    await one.undo()
    show({ text: `Undone: ${one.label}`, canUndo: false, at: Date.now() })
  },
  /** A line about what happened, with nothing to take back. */
  say: (text: string) => show({ text, canUndo: false, at: Date.now() }),
  dismiss: () => show(null),
}

export const useNotice = () =>
  useSyncExternalStore(
    (tell) => {
      listeners.add(tell)
      return () => void listeners.delete(tell)
    },
    () => notice,
  )
