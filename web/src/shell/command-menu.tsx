import { Command } from 'cmdk'
import { useQuery } from '@tanstack/react-query'
import { useNavigate, useParams } from '@tanstack/react-router'
import { Dialog } from 'radix-ui'
import { useState } from 'react'
import { api, asked } from '@/api/client'
import { boundKeys } from './keys'
import { SCREENS } from './nav'

const ITEM = 'flex h-8 cursor-default items-center gap-2 rounded-md px-2 data-[selected=true]:bg-sel-bg'
const GROUP = '[&_[cmdk-group-heading]]:px-2 [&_[cmdk-group-heading]]:py-1 [&_[cmdk-group-heading]]:text-2xs [&_[cmdk-group-heading]]:text-ink-3'

/** Everything by name: screens, verbs of this screen, datasets, models, deployments, and any id that is typed. */
export function CommandMenu({ open, onOpenChange }: { open: boolean; onOpenChange: (open: boolean) => void }) {
  return (
    <Dialog.Root open={open} onOpenChange={onOpenChange}>
      <Dialog.Portal>
        <Dialog.Overlay className="fixed inset-0 z-40 bg-shade" />
        <Dialog.Content aria-describedby={undefined} className="rise fixed left-1/2 top-[16vh] z-40 w-[560px] max-w-[94vw] -translate-x-1/2 overflow-hidden rounded-lg border border-line-strong bg-raised shadow-overlay">
          <Dialog.Title className="sr-only">Command menu</Dialog.Title>
          {open && <Choices close={() => onOpenChange(false)} />}
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
  )
}

function Choices({ close }: { close: () => void }) {
  const [text, setText] = useState('')
  const { workspace = 'default' } = useParams({ strict: false })
  const navigate = useNavigate()
  const datasets = useQuery(asked(['datasets'], () => api.GET('/api/v1/datasets')))
  const models = useQuery(asked(['models'], () => api.GET('/api/v1/models')))
  const go = (to: string, params: Record<string, string> = {}) => {
    close()
    void navigate({ to, params: { workspace, ...params } } as never)
  }
  const verbs = boundKeys().filter(([key, verb]) => verb.group !== 'Go to' && key !== 'Ctrl+k')
  return (
    <Command label="Commands">
      <Command.Input autoFocus value={text} onValueChange={setText} placeholder="A screen, verb, dataset, model or sample id" className="h-11 w-full border-b border-line bg-transparent px-4 text-base outline-none placeholder:text-ink-3" />
      <Command.List className="max-h-96 overflow-auto p-2">
        <Command.Empty className="p-3 text-ink-2">Nothing by that name</Command.Empty>
        {/^smp_\w+$/.test(text.trim()) && (
          <Command.Item value={text} className={ITEM} onSelect={() => go('/w/$workspace/s/$sample', { sample: text.trim() })}>
            Open sample <span className="mono">{text.trim()}</span>
          </Command.Item>
        )}
        <Command.Group heading="Go to" className={GROUP}>
          {SCREENS.map(({ to, name, key, icon: Icon }) => (
            <Command.Item key={to} value={`Go to ${name}`} className={ITEM} onSelect={() => go(to)}>
              <Icon size={14} aria-hidden />
              {name}
              <span className="ml-auto flex gap-1">
                <kbd>G</kbd>
                <kbd>{key.toUpperCase()}</kbd>
              </span>
            </Command.Item>
          ))}
        </Command.Group>
        {datasets.data && (
          <Command.Group heading="Datasets" className={GROUP}>
            {datasets.data.items.map((one) => (
              <Command.Item key={one.name} value={`dataset ${one.name}`} className={ITEM} onSelect={() => go('/w/$workspace/datasets/$dataset', { dataset: one.name })}>
                {one.name}
              </Command.Item>
            ))}
          </Command.Group>
        )}
        {models.data && (
          <Command.Group heading="Models" className={GROUP}>
            {models.data.items.map((one) => (
              <Command.Item key={one.name} value={`model ${one.name}`} className={ITEM} onSelect={() => go('/w/$workspace/models/$model', { model: one.name })}>
                {one.name}
              </Command.Item>
            ))}
          </Command.Group>
        )}
        <Command.Group heading="On this screen" className={GROUP}>
          {verbs.map(([key, verb]) => (
            <Command.Item
              key={key}
              value={`${verb.label} ${key}`}
              className={ITEM}
              onSelect={() => {
                close()
                verb.run(new KeyboardEvent('keydown', { key }))
              }}
            >
              {verb.label}
              <kbd className="ml-auto">{key}</kbd>
            </Command.Item>
          ))}
        </Command.Group>
      </Command.List>
    </Command>
  )
}
