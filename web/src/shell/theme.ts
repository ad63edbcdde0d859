import { useSyncExternalStore } from 'react'

type Theme = 'dark' | 'light'
const KEPT = 'sightloop.theme'
const listeners = new Set<() => void>()

const now = (): Theme => (document.documentElement.dataset.theme === 'light' ? 'light' : 'dark')

export const theme = {
  /** The kept theme, else what the system prefers; called before the first paint. */
  begin: () => {
    const kept = localStorage.getItem(KEPT)
    document.documentElement.dataset.theme = kept === 'light' || kept === 'dark' ? kept : matchMedia('(prefers-color-scheme: light)').matches ? 'light' : 'dark'
  },
  toggle: () => {
    document.documentElement.dataset.theme = now() === 'dark' ? 'light' : 'dark'
    localStorage.setItem(KEPT, now())
    for (const tell of listeners) tell()
  },
}

/** The theme, for what is drawn on canvases. */
export const useTheme = (): Theme =>
  useSyncExternalStore((tell) => {
    listeners.add(tell)
    return () => void listeners.delete(tell)
  }, now)

/** A colour token as the browser resolves it, for canvases and charts. */
export function token(name: string): string {
  const probe = document.createElement('canvas').getContext('2d')!
  probe.fillStyle = getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim()
  return probe.fillStyle
}
