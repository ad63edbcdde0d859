import { LoaderCircle } from 'lucide-react'
import type { ButtonHTMLAttributes, ReactNode } from 'react'
import { useRight, type Permission } from '@/shell/session'
import { cx } from './classes'
import { Tip } from './tip'

type Look = 'primary' | 'plain' | 'quiet' | 'danger'
const LOOKS: Record<Look, string> = {
  primary: 'bg-ink text-bg font-medium hover:opacity-90',
  plain: 'border border-line-strong bg-surface text-ink hover:bg-raised',
  quiet: 'text-ink-2 hover:bg-raised hover:text-ink',
  danger: 'border border-crit text-crit hover:bg-crit-bg',
}

export type ButtonProps = ButtonHTMLAttributes<HTMLButtonElement> & {
  look?: Look
  /** The permission that this needs: without it the button stays, disabled, and says which role would do. */
  needs?: Permission
  keys?: string
  busy?: boolean
  icon?: ReactNode
  small?: boolean
  tip?: string
}

/** A button. One `primary` a screen. */
export function Button({ look = 'plain', needs, keys, busy, icon, small, tip, children, className, disabled, ...rest }: ButtonProps) {
  const right = useRight(needs)
  const barred = !right.held
  const off = disabled || busy || barred
  const hint = barred ? `Needs the role ${right.role}` : tip
  const button = (
    <button
      type="button"
      {...rest}
      // What is barred stays in the tab order, so that its reason can be read.
      disabled={off && !barred}
      aria-disabled={off || undefined}
      onClick={off ? (event) => event.preventDefault() : rest.onClick}
      className={cx(
        'inline-flex shrink-0 items-center justify-center gap-1.5 whitespace-nowrap rounded-md text-sm',
        small ? 'h-6 px-2 text-xs' : 'h-7 px-2.5',
        !children && (small ? 'w-6 px-0' : 'w-7 px-0'),
        LOOKS[look],
        off && 'cursor-not-allowed opacity-45',
        className,
      )}
    >
      {busy ? <LoaderCircle size={14} className="animate-spin" aria-hidden /> : icon}
      {children}
      {keys && <kbd className={cx(look === 'primary' && 'border-bg/30 bg-transparent text-bg')}>{keys}</kbd>}
    </button>
  )
  return hint ? <Tip text={hint}>{button}</Tip> : button
}
