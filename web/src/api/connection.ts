import { useSyncExternalStore } from 'react'

/** Whether the server answers and what is not with it yet. The status bar shows it; edits go on meanwhile. */
export type State = { online: boolean; pending: number; savedAt: number | null }

let state: State = { online: true, pending: 0, savedAt: null }
const listeners = new Set<() => void>()

function set(next: Partial<State>): void {
  state = { ...state, ...next }
  for (const tell of listeners) tell()
}

export const connection = {
  answered: () => state.online || set({ online: true }),
  lost: () => state.online && set({ online: false }),
  /** How many changes wait to be acknowledged; `saved` when one just was. */
  keeping: (pending: number, saved = false) => set({ pending, ...(saved ? { savedAt: Date.now() } : {}) }),
  get: () => state,
  subscribe: (tell: () => void) => {
    listeners.add(tell)
    return () => void listeners.delete(tell)
  },
}

addEventListener('offline', connection.lost)

export const useConnection = (): State => useSyncExternalStore(connection.subscribe, connection.get)
