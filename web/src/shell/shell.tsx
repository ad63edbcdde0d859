import { useQuery, useQueryClient } from '@tanstack/react-query'
import { Link, Outlet, useNavigate, useParams, useSearch } from '@tanstack/react-router'
import { ChevronsUpDown, LogOut, Moon, PanelLeft, Search, Settings as Gear, Sun } from 'lucide-react'
import { lazy, Suspense, useCallback, useEffect, useState, type ButtonHTMLAttributes } from 'react'
import { api, asked, sessionQuery, speakFor } from '@/api/client'
import { dropEvents, useEvents } from '@/api/events'
import { cx } from '@/ui/classes'
import { count } from '@/ui/format'
import { Dot } from '@/ui/marks'
import { Failed, Progress } from '@/ui/states'
import { bindKeys } from './keys'
import { SCREENS } from './nav'
import { SessionContext, type Session } from './session'
import { Mark, SignIn } from './sign-in'
import { Notice, StatusBar } from './status-bar'
import { theme, useTheme } from './theme'
import { undo } from './undo'

const CommandMenu = lazy(() => import('./command-menu').then((it) => ({ default: it.CommandMenu })))
const ShortcutSheet = lazy(() => import('./shortcut-sheet').then((it) => ({ default: it.ShortcutSheet })))
const Workspaces = lazy(() => import('./workspaces'))
const Settings = lazy(() => import('@/screens/settings'))

/** The frame around every screen, for who is signed in to the workspace that the address names. */
export function Shell() {
  const { workspace } = useParams({ from: '/w/$workspace' })
  speakFor(workspace)
  const session = useQuery(sessionQuery())
  const cache = useQueryClient()
  const navigate = useNavigate()
  const enter = useCallback(
    (to: string) => {
      dropEvents()
      void navigate({ to: '/w/$workspace', params: { workspace: to } })
      void cache.resetQueries()
    },
    [cache, navigate],
  )
  if (session.isError) return <Failed what="The dashboard" error={session.error} retry={() => void session.refetch()} />
  if (!session.data) return <Progress busy />
  if (!session.data.signed_in) return <SignIn onDone={enter} />
  return (
    <SessionContext value={session.data}>
      <Frame session={session.data} key={session.data.workspace} />
    </SessionContext>
  )
}

function Frame({ session }: { session: Session }) {
  const { workspace } = useParams({ from: '/w/$workspace' })
  const { settings } = useSearch({ from: '/w/$workspace' })
  const navigate = useNavigate()
  const cache = useQueryClient()
  const [commands, setCommands] = useState(false)
  const [sheet, setSheet] = useState(false)
  const [narrow, setNarrow] = useState(() => innerWidth < 800)
  const overview = useQuery({ ...asked(['overview'], () => api.GET('/api/v1/overview')), staleTime: 5_000 })
  useEvents(useCallback(() => void cache.invalidateQueries({ queryKey: [workspace, 'overview'] }), [cache, workspace]))

  useEffect(
    () =>
      bindKeys({
        'Ctrl+k': { label: 'Command menu', group: 'Everywhere', run: () => setCommands((open) => !open) },
        '?': { label: 'Keyboard sheet', group: 'Everywhere', run: () => setSheet(true) },
        '/': { label: 'Search', group: 'Everywhere', run: () => (document.querySelector<HTMLElement>('[data-search]') ?? { focus: () => setCommands(true) }).focus() },
        t: { label: 'Light or dark', group: 'Everywhere', run: theme.toggle },
        '[': { label: 'Fold the navigation', group: 'Everywhere', run: () => setNarrow((is) => !is) },
        'Ctrl+z': { label: 'Undo', group: 'Everywhere', run: () => void undo.last() },
        ...Object.fromEntries(SCREENS.map((one) => [`g ${one.key}`, { label: one.name, group: 'Go to', run: () => void navigate({ to: one.to, params: { workspace } }) }])),
      }),
    [navigate, workspace],
  )
  useEffect(() => {
    document.documentElement.dataset.ready = 'true'
  }, [])

  const badges: Record<string, number> = { Review: overview.data?.loop.waiting ?? 0 }
  const warned = { Alerts: overview.data?.loop.alerts ?? 0, Deployments: overview.data?.loop.drifting ?? 0, Sources: overview.data?.loop.quarantined ?? 0 } as Record<string, number>
  return (
    <div className={cx('grid h-full grid-rows-[minmax(0,1fr)]', narrow ? 'grid-cols-[48px_minmax(0,1fr)]' : 'grid-cols-[208px_minmax(0,1fr)]')}>
      <a href="#main" className="sr-only focus:not-sr-only focus:absolute focus:z-50 focus:bg-raised focus:p-2">
        Skip to the screen
      </a>
      <nav aria-label="Main" className="flex min-h-0 flex-col gap-px overflow-y-auto border-r border-line p-2">
        <Suspense fallback={<WorkspaceButton session={session} narrow={narrow} />}>
          <Workspaces session={session} narrow={narrow} />
        </Suspense>
        <button type="button" aria-label={narrow ? 'Search or jump' : undefined} onClick={() => setCommands(true)} className="mb-2 flex h-7 shrink-0 items-center gap-2 rounded-md border border-line-strong px-2 text-xs text-ink-2 hover:bg-raised">
          <Search size={13} className="shrink-0" aria-hidden />
          {!narrow && (
            <>
              Search or jump <kbd className="ml-auto">Ctrl K</kbd>
            </>
          )}
        </button>
        {SCREENS.map(({ to, name, icon: Icon }) => (
          <Link
            key={to}
            to={to}
            params={{ workspace }}
            title={narrow ? name : undefined}
            aria-label={narrow ? name : undefined}
            className="relative flex h-7 shrink-0 items-center gap-2 rounded-md px-2 text-ink-2 hover:bg-raised hover:text-ink"
            activeProps={{ className: '!bg-raised !text-ink font-medium', 'aria-current': 'page' }}
            activeOptions={{ exact: to === '/w/$workspace', includeSearch: false }}
          >
            <Icon size={15} strokeWidth={1.6} className="shrink-0" aria-hidden />
            {!narrow && name}
            {!narrow && badges[name] ? <span className="num ml-auto text-2xs text-ink-2">{count(badges[name])}</span> : null}
            {warned[name] ? (
              <span className={narrow ? 'absolute top-1 right-1' : 'ml-auto flex'}>
                <Dot tone="warn" label={`${warned[name]} need attention`} />
              </span>
            ) : null}
          </Link>
        ))}
        <Footer narrow={narrow} fold={() => setNarrow((is) => !is)} />
      </nav>
      <div className="flex min-h-0 min-w-0 flex-col">
        <main id="main" className="min-h-0 min-w-0 grow overflow-hidden">
          <Suspense fallback={<Progress busy />}>
            <Outlet />
          </Suspense>
        </main>
        <StatusBar version={session.version} onKeys={() => setSheet(true)} />
      </div>
      <Notice />
      <Suspense>
        {commands && <CommandMenu open onOpenChange={setCommands} />}
        {sheet && <ShortcutSheet open onOpenChange={setSheet} />}
        {settings && <Settings tab={settings} />}
      </Suspense>
    </div>
  )
}

/** How the workspace's button looks, before and after its menu has come. */
export function WorkspaceButton({ session, narrow, ...rest }: { session: Session; narrow: boolean } & ButtonHTMLAttributes<HTMLButtonElement>) {
  return (
    <button type="button" aria-label={narrow ? session.workspace_name : undefined} title="Workspace" {...rest} className="mb-1 flex h-9 shrink-0 items-center gap-2 rounded-md px-2 text-left font-semibold hover:bg-raised">
      <Mark size={18} />
      {!narrow && (
        <>
          <span className="truncate">{session.workspace_name || session.workspace}</span>
          <ChevronsUpDown size={13} className="ml-auto shrink-0 text-ink-3" aria-hidden />
        </>
      )}
    </button>
  )
}

function Footer({ narrow, fold }: { narrow: boolean; fold: () => void }) {
  const cache = useQueryClient()
  const navigate = useNavigate()
  const shade = useTheme()
  const row = 'flex h-7 w-full items-center gap-2 rounded-md px-2 text-ink-2 hover:bg-raised hover:text-ink'
  const verbs = [
    { name: 'Settings', icon: Gear, run: () => void navigate({ to: '.', search: (old: Record<string, unknown>) => ({ ...old, settings: 'members' }) } as never) },
    { name: shade === 'dark' ? 'Light' : 'Dark', icon: shade === 'dark' ? Sun : Moon, run: theme.toggle },
    { name: 'Sign out', icon: LogOut, run: () => void api.DELETE('/api/v1/session').then(() => (dropEvents(), cache.resetQueries())) },
    { name: 'Fold', icon: PanelLeft, run: fold },
  ]
  return (
    <div className="mt-auto flex flex-col gap-px pt-4">
      {verbs.map(({ name, icon: Icon, run }) => (
        <button key={name} type="button" onClick={run} aria-label={narrow ? name : undefined} className={row}>
          <Icon size={15} strokeWidth={1.6} aria-hidden />
          {!narrow && name}
        </button>
      ))}
    </div>
  )
}
