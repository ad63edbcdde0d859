import { useQuery } from '@tanstack/react-query'
import { Link, useParams } from '@tanstack/react-router'
import { Images } from 'lucide-react'
import { api, asked } from '@/api/client'
import { moment, span } from '@/ui/format'
import { Page, Section } from '@/ui/page'
import { Empty, Loaded } from '@/ui/states'
import { LoopLine } from './loop-line'
import { Needs } from './needs'
import { Recent } from './recent'
import { Told } from './told'
import type { Overview as Report } from './types'

/** The loop at a glance: what each stage holds, what waits for a person, what happened last, how the last turn went. */
export default function Overview() {
  const report = useQuery({ ...asked(['overview'], () => api.GET('/api/v1/overview')), staleTime: 5_000 })
  return (
    <Page title="Overview">
      <Loaded query={report} what="The overview">
        {(found) => (found.loop.samples + found.loop.quarantined === 0 ? <Nothing /> : <Glance report={found} />)}
      </Loaded>
    </Page>
  )
}

function Glance({ report }: { report: Report }) {
  const { story } = report
  return (
    <div className="mx-auto flex max-w-[1180px] flex-col gap-8 px-6 py-6">
      <LoopLine loop={report.loop} />
      <div className="grid grid-cols-[minmax(0,3fr)_minmax(0,2fr)] gap-x-12 gap-y-8 max-[1100px]:grid-cols-1">
        <div className="flex min-w-0 flex-col gap-8">
          <Section title="Needs you">
            <Needs needs={report.needs} />
          </Section>
          {story && (
            <Section
              title="The last turn of the loop"
              actions={
                <span className="num text-xs text-ink-3" title={`${moment(story.began_at)} to ${moment(story.ended_at)}`}>
                  {story.policy}, closed in {span((Date.parse(story.ended_at) - Date.parse(story.began_at)) / 1000)}
                </span>
              }
            >
              <Told story={story} />
            </Section>
          )}
        </div>
        <Section title="Last events">
          <Recent />
        </Section>
      </div>
    </div>
  )
}

function Nothing() {
  const { workspace } = useParams({ from: '/w/$workspace' })
  return (
    <Empty
      icon={<Images />}
      title="No images yet"
      actions={
        <Link to="/w/$workspace/sources" params={{ workspace }} className="inline-flex h-7 items-center rounded-md bg-ink px-2.5 font-medium text-bg hover:opacity-90">
          Connect a source
        </Link>
      }
    >
      The loop begins with images: a folder, an upload, a camera. To see it whole first, run <span className="mono">make demo</span> and open that folder.
    </Empty>
  )
}
