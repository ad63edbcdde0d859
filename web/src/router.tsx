import { createRootRoute, createRoute, createRouter, defaultStringifySearch, lazyRouteComponent, Outlet, redirect } from '@tanstack/react-router'
import { BASE, queries, sessionQuery, speakFor } from '@/api/client'
import { beginSamples, type Link } from '@/media/first'
import { Shell } from '@/shell/shell'
import { Failed } from '@/ui/states'
import { TooltipProvider } from '@/shell/providers'
import * as search from './search'

const root = createRootRoute({
  component: () => (
    <TooltipProvider>
      <Outlet />
    </TooltipProvider>
  ),
  notFoundComponent: () => <Failed what="This page" error={null} />,
})

const start = createRoute({
  getParentRoute: () => root,
  path: '/',
  beforeLoad: () => {
    throw redirect({ to: '/w/$workspace', params: { workspace: localStorage.getItem('sightloop.workspace') ?? 'default' } })
  },
})

const workspace = createRoute({
  getParentRoute: () => root,
  path: '/w/$workspace',
  component: Shell,
  validateSearch: search.settings,
  beforeLoad: ({ params, preload, cause }) => {
    localStorage.setItem('sightloop.workspace', params.workspace)
    if (preload || cause !== 'enter') return
    speakFor(params.workspace)
    void queries.prefetchQuery(sessionQuery())
  },
})

/** Asks for the samples while the screen's scripts are on the way, where they are not here already. */
function begin(workspace: string, version: string | undefined, link: Link, enters: boolean): void {
  if (enters && !queries.getQueryData([workspace, 'sheet', version ?? ''])) beginSamples(encodeURIComponent(workspace), version, link)
}

const under = { getParentRoute: () => workspace } as const
const overview = createRoute({ ...under, path: '/', component: lazyRouteComponent(() => import('@/screens/overview')) })
const sources = createRoute({ ...under, path: '/sources', validateSearch: search.sources, component: lazyRouteComponent(() => import('@/screens/sources')) })
const datasets = createRoute({ ...under, path: '/datasets', validateSearch: search.grid, beforeLoad: ({ params, search, preload, cause }) => begin(params.workspace, undefined, search, cause === 'enter' && !preload), component: lazyRouteComponent(() => import('@/screens/datasets')) })
const dataset = createRoute({ ...under, path: '/datasets/$dataset', validateSearch: search.grid, beforeLoad: ({ params, search, preload, cause }) => begin(params.workspace, `${params.dataset}@${search.v ?? 'latest'}`, search, cause === 'enter' && !preload), component: lazyRouteComponent(() => import('@/screens/datasets')) })
const diff = createRoute({ ...under, path: '/datasets/$dataset/diff', validateSearch: search.diff, component: lazyRouteComponent(() => import('@/screens/datasets/diff')) })
const review = createRoute({ ...under, path: '/review', validateSearch: search.queues, component: lazyRouteComponent(() => import('@/screens/review')) })
const queue = createRoute({ ...under, path: '/review/$queue', validateSearch: search.review, component: lazyRouteComponent(() => import('@/screens/review/queue')) })
const sample = createRoute({ ...under, path: '/s/$sample', validateSearch: search.review, component: lazyRouteComponent(() => import('@/screens/review/sample')) })
const runs = createRoute({ ...under, path: '/runs', validateSearch: search.runs, component: lazyRouteComponent(() => import('@/screens/runs')) })
const compare = createRoute({ ...under, path: '/runs/compare', validateSearch: search.compare, component: lazyRouteComponent(() => import('@/screens/runs/compare')) })
const run = createRoute({ ...under, path: '/runs/$run', validateSearch: search.run, component: lazyRouteComponent(() => import('@/screens/runs/run')) })
const models = createRoute({ ...under, path: '/models', component: lazyRouteComponent(() => import('@/screens/models')) })
const model = createRoute({ ...under, path: '/models/$model', validateSearch: search.model, component: lazyRouteComponent(() => import('@/screens/models/model')) })
const deployments = createRoute({ ...under, path: '/deployments', component: lazyRouteComponent(() => import('@/screens/deployments')) })
const deployment = createRoute({ ...under, path: '/deployments/$deployment', validateSearch: search.deployment, component: lazyRouteComponent(() => import('@/screens/deployments/deployment')) })
const alerts = createRoute({ ...under, path: '/alerts', component: lazyRouteComponent(() => import('@/screens/alerts')) })
const alert = createRoute({ ...under, path: '/alerts/$alert', component: lazyRouteComponent(() => import('@/screens/alerts/alert')) })
const audit = createRoute({ ...under, path: '/audit', validateSearch: search.audit, component: lazyRouteComponent(() => import('@/screens/audit')) })

/** Signs that a query may carry as they are stay readable: `f=label:ok,defect`. */
const readable = (search: Record<string, unknown>): string => defaultStringifySearch(search).replace(/%3A|%2C|%3B|%40|%2F/g, decodeURIComponent)

export const router = createRouter({
  stringifySearch: readable,
  basepath: BASE || '/',
  routeTree: root.addChildren([
    start,
    workspace.addChildren([overview, sources, datasets, dataset, diff, review, queue, sample, runs, compare, run, models, model, deployments, deployment, alerts, alert, audit]),
  ]),
  context: { queries },
  defaultPreload: 'intent',
  defaultErrorComponent: ({ error, reset }) => <Failed what="This screen" error={error} retry={reset} />,
})

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router
  }
}
