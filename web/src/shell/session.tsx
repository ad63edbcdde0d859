import { createContext, useContext } from 'react'
import type { components } from '@/api/schema.gen'

/** Who is signed in, where, and what they may do. */
export type Session = components['schemas']['Session']
export type Permission = Session['permissions'][number]

export const SessionContext = createContext<Session | null>(null)

export function useSession(): Session {
  const session = useContext(SessionContext)
  if (!session) throw new Error('No session: this part stands outside the shell.')
  return session
}

/** Whether the signed-in person holds a permission, and which role would. */
export function useRight(permission: Permission | undefined): { held: boolean; role: string } {
  const session = useContext(SessionContext)
  if (!permission || !session) return { held: true, role: '' }
  return { held: session.permissions.includes(permission), role: session.roles_needed[permission] ?? 'admin' }
}
