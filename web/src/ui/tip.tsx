import { Tooltip } from 'radix-ui'
import type { ReactElement } from 'react'

/** A short hint over what it wraps, on hover and on focus. */
export function Tip({ text, side = 'bottom', children }: { text: string; side?: 'top' | 'bottom' | 'left' | 'right'; children: ReactElement }) {
  return (
    <Tooltip.Root delayDuration={300}>
      <Tooltip.Trigger asChild>{children}</Tooltip.Trigger>
      <Tooltip.Portal>
        <Tooltip.Content side={side} sideOffset={4} collisionPadding={8} className="rise z-50 max-w-72 rounded-md border border-line-strong bg-raised px-2 py-1 text-xs text-ink shadow-overlay">
          {text}
        </Tooltip.Content>
      </Tooltip.Portal>
    </Tooltip.Root>
  )
}
