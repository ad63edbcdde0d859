import { useNavigate } from '@tanstack/react-router'
import { Dialog } from '@/ui/dialog'
import { Segments } from '@/ui/select'
import { About } from './about'
import { Members } from './members'
import { Schemas } from './schemas'
import { Storage } from './storage'
import { Workspaces } from './workspaces'

const TABS = [
  { value: 'members', label: 'Members and keys' },
  { value: 'workspaces', label: 'Workspaces' },
  { value: 'schemas', label: 'Schemas' },
  { value: 'storage', label: 'Storage' },
  { value: 'about', label: 'About' },
] as const

/** Settings over whatever screen is open; the address keeps which part. */
export default function Settings({ tab }: { tab: string }) {
  const navigate = useNavigate()
  const go = (to: string | undefined) => void navigate({ to: '.', search: (old: Record<string, unknown>) => ({ ...old, settings: to }), replace: true } as never)
  const shown = tab === 'keys' ? 'members' : tab
  return (
    <Dialog open onOpenChange={(open) => !open && go(undefined)} title="Settings" wide>
      <div className="flex h-[58vh] flex-col gap-4">
        <div>
          <Segments label="Part of the settings" value={shown as (typeof TABS)[number]['value']} options={TABS} onChange={go} />
        </div>
        <div className="min-h-0 grow overflow-auto" tabIndex={0} role="region" aria-label={TABS.find((one) => one.value === shown)?.label}>
          {shown === 'members' && <Members />}
          {shown === 'workspaces' && <Workspaces />}
          {shown === 'schemas' && <Schemas />}
          {shown === 'storage' && <Storage />}
          {shown === 'about' && <About />}
        </div>
      </div>
    </Dialog>
  )
}
