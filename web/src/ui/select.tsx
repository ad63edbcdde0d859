import { getNonce } from 'get-nonce'
import { Check, ChevronDown } from 'lucide-react'
import { Checkbox as RadixCheckbox, Select as RadixSelect } from 'radix-ui'
import { useId, type ReactNode } from 'react'
import { cx } from './classes'
import { BOX } from './field'

type Option<T extends string> = { value: T; label: string; hint?: string }

/** A choice of one from a list. */
export function Select<T extends string>({ value, onChange, options, label, className }: { value: T; onChange: (value: T) => void; options: readonly Option<T>[]; label: string; className?: string }) {
  return (
    <RadixSelect.Root value={value} onValueChange={(next) => onChange(next as T)}>
      <RadixSelect.Trigger aria-label={label} className={cx(BOX, 'inline-flex h-7 items-center gap-1.5 px-2 hover:bg-raised', className)}>
        <RadixSelect.Value />
        <ChevronDown size={13} className="ml-auto text-ink-3" aria-hidden />
      </RadixSelect.Trigger>
      <RadixSelect.Portal>
        <RadixSelect.Content position="popper" sideOffset={4} className="rise z-50 max-h-72 min-w-(--radix-select-trigger-width) overflow-hidden rounded-md border border-line-strong bg-raised p-1 shadow-overlay">
          <RadixSelect.Viewport nonce={getNonce()}>
            {options.map((option) => (
              <RadixSelect.Item key={option.value} value={option.value} className="flex h-7 cursor-default items-center gap-2 rounded-sm px-2 text-sm outline-none data-[highlighted]:bg-sel-bg">
                <RadixSelect.ItemText>{option.label}</RadixSelect.ItemText>
                {option.hint && <span className="text-xs text-ink-3">{option.hint}</span>}
                <RadixSelect.ItemIndicator className="ml-auto">
                  <Check size={13} />
                </RadixSelect.ItemIndicator>
              </RadixSelect.Item>
            ))}
          </RadixSelect.Viewport>
        </RadixSelect.Content>
      </RadixSelect.Portal>
    </RadixSelect.Root>
  )
}

export function Checkbox({ checked, onChange, children, disabled, label }: { checked: boolean; onChange: (checked: boolean) => void; children?: ReactNode; disabled?: boolean; label?: string }) {
  const id = useId()
  return (
    <span className="inline-flex items-center gap-2">
      <RadixCheckbox.Root id={id} aria-label={label} checked={checked} disabled={disabled} onCheckedChange={(next) => onChange(next === true)} className="flex size-4 items-center justify-center rounded-sm border border-line-strong bg-surface data-[state=checked]:bg-ink data-[state=checked]:text-bg">
        <RadixCheckbox.Indicator>
          <Check size={12} strokeWidth={2.5} />
        </RadixCheckbox.Indicator>
      </RadixCheckbox.Root>
      {children && <label htmlFor={id}>{children}</label>}
    </span>
  )
}

/** A choice of one from a few, all in sight. */
export function Segments<T extends string>({ value, onChange, options, label }: { value: T; onChange: (value: T) => void; options: readonly Option<T>[]; label: string }) {
  return (
    <div role="group" aria-label={label} className="inline-flex h-7 rounded-md border border-line-strong p-px">
      {options.map((option) => (
        <button key={option.value} type="button" aria-pressed={option.value === value} title={option.hint} onClick={() => onChange(option.value)} className={cx('rounded-[5px] px-2 text-xs', option.value === value ? 'bg-raised font-medium text-ink' : 'text-ink-2 hover:text-ink')}>
          {option.label}
        </button>
      ))}
    </div>
  )
}
