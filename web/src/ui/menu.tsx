import { DropdownMenu, Popover as RadixPopover } from 'radix-ui'
import type { ReactElement, ReactNode } from 'react'
import { cx } from './classes'

export type MenuItem = { label: string; onSelect: () => void; icon?: ReactNode; keys?: string; disabled?: boolean; hint?: string; danger?: boolean } | 'line'

/** A menu of verbs under what it wraps. */
export function Menu({ items, children, align = 'start' }: { items: readonly MenuItem[]; children: ReactElement; align?: 'start' | 'end' }) {
  return (
    <DropdownMenu.Root modal={false}>
      <DropdownMenu.Trigger asChild>{children}</DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content align={align} sideOffset={4} collisionPadding={8} className="rise z-50 min-w-44 rounded-md border border-line-strong bg-raised p-1 shadow-overlay">
          {items.map((item, index) =>
            item === 'line' ? (
              <DropdownMenu.Separator key={index} className="my-1 h-px bg-line" />
            ) : (
              <DropdownMenu.Item key={index} disabled={item.disabled} onSelect={item.onSelect} className={cx('flex h-7 cursor-default items-center gap-2 rounded-sm px-2 outline-none data-[disabled]:opacity-45 data-[highlighted]:bg-sel-bg', item.danger && 'text-crit')}>
                {item.icon}
                {item.label}
                {item.hint && <span className="text-xs text-ink-3">{item.hint}</span>}
                {item.keys && <kbd className="ml-auto">{item.keys}</kbd>}
              </DropdownMenu.Item>
            ),
          )}
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  )
}

/** Free content in a small overlay under what it wraps. */
export function Popover({ content, children, label, align = 'start' }: { content: ReactNode; children: ReactElement; label: string; align?: 'start' | 'end' }) {
  return (
    <RadixPopover.Root>
      <RadixPopover.Trigger asChild>{children}</RadixPopover.Trigger>
      <RadixPopover.Portal>
        <RadixPopover.Content align={align} sideOffset={4} collisionPadding={8} aria-label={label} className="rise z-50 max-w-96 rounded-md border border-line-strong bg-raised p-3 shadow-overlay">
          {content}
        </RadixPopover.Content>
      </RadixPopover.Portal>
    </RadixPopover.Root>
  )
}
