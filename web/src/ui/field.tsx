import type { InputHTMLAttributes, ReactNode, TextareaHTMLAttributes } from 'react'
import { cx } from './classes'

/** How every control looks. */
export const BOX = 'rounded-md border border-line-strong bg-surface text-sm text-ink placeholder:text-ink-3'

export function Input({ className, ...rest }: InputHTMLAttributes<HTMLInputElement>) {
  return <input spellCheck={false} {...rest} className={cx(BOX, 'h-7 min-w-0 px-2', className)} />
}

export function TextArea({ className, ...rest }: TextareaHTMLAttributes<HTMLTextAreaElement>) {
  return <textarea spellCheck={false} {...rest} className={cx(BOX, 'min-h-20 p-2', className)} />
}

/** A labelled control, with a hint or what is wrong beneath it. */
export function Field({ label, hint, error, children }: { label: string; hint?: string; error?: string; children: ReactNode }) {
  return (
    <label className="flex flex-col gap-1">
      <span className="text-xs text-ink-2">{label}</span>
      {children}
      {(error || hint) && <span className={cx('text-2xs', error ? 'text-crit' : 'text-ink-3')}>{error || hint}</span>}
    </label>
  )
}
