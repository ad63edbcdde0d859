import { useNavigate } from '@tanstack/react-router'
import { Plus } from 'lucide-react'
import { lazy, Suspense, useState } from 'react'
import { Menu } from '@/ui/menu'
import type { Session } from './session'
import { WorkspaceButton } from './shell'

const SignInDialog = lazy(() => import('./sign-in-dialog'))

/** The workspaces that this browser is signed in to, and the way into another. */
export default function Workspaces({ session, narrow }: { session: Session; narrow: boolean }) {
  const navigate = useNavigate()
  const [adding, setAdding] = useState(false)
  return (
    <>
      <Menu
        items={[
          ...session.workspaces.map((one) => ({ label: one.name || one.id, hint: one.id === session.workspace ? 'here' : '', onSelect: () => void navigate({ to: '/w/$workspace', params: { workspace: one.id } }) })),
          'line' as const,
          { label: 'Sign in to another', icon: <Plus size={14} />, onSelect: () => setAdding(true) },
        ]}
      >
        <WorkspaceButton session={session} narrow={narrow} />
      </Menu>
      <Suspense>{adding && <SignInDialog close={() => setAdding(false)} />}</Suspense>
    </>
  )
}
