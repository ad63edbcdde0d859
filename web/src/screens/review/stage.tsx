import { useEffect, useRef, useSyncExternalStore } from 'react'
import { Engine } from '@/canvas/engine'
import { bindKeys } from '@/shell/keys'
import { cx } from '@/ui/classes'

/** The place of the canvas on the page. Its engine lives as long as it is shown and is handed out once. */
export function Stage({ onEngine, label, className }: { onEngine: (engine: Engine | null) => void; label: string; className?: string }) {
  const host = useRef<HTMLDivElement>(null)
  useEffect(() => {
    const engine = new Engine(host.current!)
    onEngine(engine)
    return () => {
      onEngine(null)
      engine.destroy()
    }
  }, [onEngine])
  return <div ref={host} tabIndex={0} role="application" aria-label={label} aria-roledescription="image canvas" className={cx('relative size-full overflow-hidden bg-well outline-none after:pointer-events-none after:absolute after:inset-0 focus-visible:after:shadow-[inset_0_0_0_1px_var(--sel)]', className)} />
}

/** Follows what panels show of an engine; the pointer and the view do not render anything. */
export function useEngine(engine: Engine | null): number {
  return useSyncExternalStore(engine?.subscribe ?? never, () => engine?.version ?? 0)
}

const never = (): (() => void) => () => {}

/** The keys that move the view, on every screen with a canvas. */
export function useViewKeys(engine: Engine | null): void {
  useEffect(() => {
    if (!engine) return
    return bindKeys({
      f: { label: 'Fit the image', group: 'View', run: engine.fit },
      z: { label: 'Zoom to the object', group: 'View', run: () => engine.zoomToChosen() },
      '+': { label: 'Nearer', group: 'View', run: () => engine.zoom(1.25) },
      '=': { label: 'Nearer', hidden: true, run: () => engine.zoom(1.25) },
      '-': { label: 'Farther', group: 'View', run: () => engine.zoom(0.8) },
    })
  }, [engine])
}
