import { Activity, Bell, FlaskConical, Images, Inbox, Package, PlugZap, Rocket, ScrollText } from 'lucide-react'

/** The nine screens, in the order of the loop. */
export const SCREENS = [
  { to: '/w/$workspace', name: 'Overview', key: 'o', icon: Activity },
  { to: '/w/$workspace/sources', name: 'Sources', key: 's', icon: PlugZap },
  { to: '/w/$workspace/datasets', name: 'Datasets', key: 'd', icon: Images },
  { to: '/w/$workspace/review', name: 'Review', key: 'r', icon: Inbox },
  { to: '/w/$workspace/runs', name: 'Experiments', key: 'e', icon: FlaskConical },
  { to: '/w/$workspace/models', name: 'Models', key: 'm', icon: Package },
  { to: '/w/$workspace/deployments', name: 'Deployments', key: 'p', icon: Rocket },
  { to: '/w/$workspace/alerts', name: 'Alerts', key: 'a', icon: Bell },
  { to: '/w/$workspace/audit', name: 'Audit', key: 'l', icon: ScrollText },
] as const
