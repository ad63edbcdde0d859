import { X } from 'lucide-react'
import { Dialog as Radix } from 'radix-ui'
import { useState, type ReactNode } from 'react'
import { Button } from './button'
import { cx } from './classes'
import { Input } from './field'

type Props = { open: boolean; onOpenChange: (open: boolean) => void; title: string; description?: string; wide?: boolean; children: ReactNode }

/** An overlay with a title; Escape and a click beside it close it. */
export function Dialog({ open, onOpenChange, title, description, wide, children }: Props) {
  return (
    <Radix.Root open={open} onOpenChange={onOpenChange}>
      <Radix.Portal>
        <Radix.Overlay className="fixed inset-0 z-40 bg-shade" />
        <Radix.Content
          {...(description ? {} : { 'aria-describedby': undefined })}
          className={cx('rise fixed left-1/2 top-[12vh] z-40 flex max-h-[76vh] max-w-[94vw] -translate-x-1/2 flex-col rounded-lg border border-line-strong bg-raised shadow-overlay', wide ? 'w-[960px]' : 'w-[520px]')}
        >
          <div className="flex items-start gap-3 border-b border-line px-4 py-3">
            <div className="min-w-0 grow">
              <Radix.Title className="text-base font-semibold">{title}</Radix.Title>
              {description && <Radix.Description className="text-ink-2">{description}</Radix.Description>}
            </div>
            <Radix.Close asChild>
              <Button look="quiet" small icon={<X size={14} />} aria-label="Close" />
            </Radix.Close>
          </div>
          <div className="min-h-0 overflow-auto p-4">{children}</div>
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  )
}

/** Asks before what is hard to take back; with `word` the person types it first. */
export function Confirm({ open, onOpenChange, title, word, action, onConfirm, busy, children }: Omit<Props, 'description' | 'wide'> & { word?: string; action: string; onConfirm: () => void; busy?: boolean }) {
  const [typed, setTyped] = useState('')
  const ready = !word || typed === word
  return (
    <Dialog open={open} onOpenChange={onOpenChange} title={title}>
      <form
        className="flex flex-col gap-3"
        onSubmit={(event) => {
          event.preventDefault()
          if (ready && !busy) onConfirm()
        }}
      >
        {children}
        {word && (
          <label className="flex flex-col gap-1 text-xs text-ink-2">
            <span>
              Type <span className="mono text-ink">{word}</span> to go on
            </span>
            <Input value={typed} onChange={(event) => setTyped(event.target.value)} autoFocus autoComplete="off" />
          </label>
        )}
        <div className="flex justify-end gap-2">
          <Button onClick={() => onOpenChange(false)}>Cancel</Button>
          <Button look="primary" type="submit" disabled={!ready} busy={busy}>
            {action}
          </Button>
        </div>
      </form>
    </Dialog>
  )
}
