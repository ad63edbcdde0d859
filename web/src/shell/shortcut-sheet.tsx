import { Dialog } from '@/ui/dialog'
import { boundKeys } from './keys'
import { groupedBy } from '@/ui/grouped'

/** What every key does on this screen, read from the bindings themselves. */
export function ShortcutSheet({ open, onOpenChange }: { open: boolean; onOpenChange: (open: boolean) => void }) {
  const groups = groupedBy(open ? boundKeys() : [], ([, binding]) => binding.group ?? 'This screen')
  return (
    <Dialog open={open} onOpenChange={onOpenChange} title="Keyboard" wide>
      <div className="columns-2 gap-8">
        {[...groups].reverse().map(([group, bindings]) => (
          <section key={group} className="mb-4 break-inside-avoid">
            <h3 className="mb-1 text-xs font-semibold text-ink-2">{group}</h3>
            <dl>
              {bindings.map(([key, binding]) => (
                <div key={key} className="flex h-6 items-center gap-2">
                  <dt className="truncate">{binding.label}</dt>
                  <dd className="ml-auto flex gap-1">
                    {key.split(' ').map((part, index) => (
                      <kbd key={index}>{part.length === 1 ? part.toUpperCase() : part}</kbd>
                    ))}
                  </dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
    </Dialog>
  )
}
