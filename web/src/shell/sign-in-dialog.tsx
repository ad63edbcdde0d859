import { useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { Dialog } from '@/ui/dialog'
import { SignIn } from './sign-in'

/** Signs the browser in to one more workspace; it keeps the key of each. */
export default function SignInDialog({ close }: { close: () => void }) {
  const cache = useQueryClient()
  const navigate = useNavigate()
  return (
    <Dialog open onOpenChange={close} title="Another workspace">
      <SignIn
        title="Its API key"
        onDone={(workspace) => {
          close()
          void cache.invalidateQueries()
          void navigate({ to: '/w/$workspace', params: { workspace } })
        }}
      />
    </Dialog>
  )
}
