import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { api, asked } from '@/api/client'
import { useRight, useSession } from '@/shell/session'
import { Input } from '@/ui/field'
import { Loaded } from '@/ui/states'

/** The version, who one is, and every setting with where its value comes from. */
export function About() {
  const session = useSession()
  const right = useRight('admin')
  const [text, setText] = useState('')
  const settings = useQuery({ ...asked(['settings'], () => api.GET('/api/v1/settings')), enabled: right.held })
  return (
    <div className="flex flex-col gap-4">
      <dl className="grid grid-cols-[120px_1fr] gap-y-1">
        {([['Version', `Sightloop ${session.version}`], ['Signed in as', `${session.actor}, ${session.role}`], ['Workspace', session.workspace_name || session.workspace]] as const).map(([name, value]) => (
          <div key={name} className="contents"><dt className="text-ink-2">{name}</dt><dd className="num">{value}</dd></div>
        ))}
      </dl>
      {!right.held ? <p className="text-ink-2">Settings are shown to admins.</p> : (
        <>
          <Input aria-label="Find a setting" placeholder="Find a setting" value={text} onChange={(event) => setText(event.target.value)} className="w-64" />
          <Loaded query={settings} what="Settings">
            {(found) => (
              <dl>
                {found.items.filter((one) => `${one.name} ${one.meaning}`.toLowerCase().includes(text.toLowerCase())).map((one) => (
                  <div key={one.name} className="grid items-baseline gap-x-4 md:grid-cols-[260px_minmax(0,200px)_minmax(0,1fr)] border-b border-line py-1.5 text-xs">
                    <dt className="mono">{one.name}</dt>
                    <dd className="mono break-all">{one.value && one.value !== 'None' ? one.value : '–'}{one.source !== 'default' && <span className="ml-2 text-ink-2">from {one.source}</span>}</dd>
                    <dd className="text-ink-2">{one.meaning}</dd>
                  </div>
                ))}
              </dl>
            )}
          </Loaded>
        </>
      )}
    </div>
  )
}
