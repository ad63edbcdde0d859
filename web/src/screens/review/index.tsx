import { useQueries, useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router'
import { Inbox, Plus } from 'lucide-react'
import { Button } from '@/ui/button'
import { ago, count, moment, percent } from '@/ui/format'
import { Tag } from '@/ui/marks'
import { Page, Section } from '@/ui/page'
import { Empty, Failed, Progress } from '@/ui/states'
import { AgreementDialog } from './agreement'
import { progress } from './asking'
import { Bar } from './campaign-figures'
import { campaignsQuery, fetched, queuesQuery, type Campaign, type Counts, type ReviewQueue } from './data'
import { NewQueue } from './new-queue'

/** Every queue that people work on: certified campaigns of one question an image, and review queues of objects. */
export default function Screen() {
  const { workspace } = useParams({ from: '/w/$workspace' })
  const search = useSearch({ from: '/w/$workspace/review' })
  const navigate = useNavigate({ from: '/w/$workspace/review' })
  const campaigns = useQuery(campaignsQuery())
  const queues = useQuery(queuesQuery())
  const found = campaigns.data?.items ?? []
  const counts = useQueries({ queries: found.map((one) => fetched<Counts>(['campaigns', one.id, 'counts'], `/campaigns/${one.id}/counts`)) })
  const make = (): void => void navigate({ search: (old) => ({ ...old, new: '1' as const }) })
  const close = (): void => void navigate({ search: ({ agreement: _, new: __, samples: ___, ...rest }) => rest })
  const asking = found.map((campaign, index) => ({ campaign, counts: counts[index]?.data })).sort((a, b) => Number(a.campaign.state === 'done') - Number(b.campaign.state === 'done') || b.campaign.made_at.localeCompare(a.campaign.made_at))
  const nothing = campaigns.data && queues.data && !found.length && !queues.data.items.length
  return (
    <Page
      title="Review"
      sub={campaigns.data && queues.data && <Totals asking={asking} queues={queues.data.items} />}
      actions={
        <Button look="primary" needs="dataset.write" icon={<Plus size={14} />} onClick={make}>
          New review queue
        </Button>
      }
    >
      <Progress busy={campaigns.isPending || queues.isPending} />
      {nothing ? (
        <Empty
          icon={<Inbox />}
          title="What people are asked will be here"
          actions={
            <>
              <Link to="/w/$workspace/datasets" params={{ workspace }}>
                <Button>Choose samples</Button>
              </Link>
            </>
          }
        >
          Select samples in the datasets and send them to review: as a campaign with a bound on its errors, or as a queue of objects.
        </Empty>
      ) : (
        <div className="flex flex-col gap-6 p-4">
          <Section title="Review queues">
            {queues.isError && <Failed what="Review queues" error={queues.error} retry={() => void queues.refetch()} />}
            {queues.data && !queues.data.items.length && <p className="text-ink-2">None yet. A review queue asks for objects, by one person or by several blind, and measures how far they agree.</p>}
            {queues.data && queues.data.items.length > 0 && <QueueTable queues={queues.data.items} workspace={workspace} />}
          </Section>
          <Section title="Certified campaigns">
            {campaigns.isError && <Failed what="Campaigns" error={campaigns.error} retry={() => void campaigns.refetch()} />}
            {campaigns.data && !found.length && <p className="text-ink-2">None yet. A campaign asks one question an image and accepts the rest once a bound holds.</p>}
            {found.length > 0 && <CampaignTable rows={asking} workspace={workspace} />}
          </Section>
        </div>
      )}
      {search.new && <NewQueue samples={search.samples} close={close} />}
      {search.agreement && <AgreementDialog id={search.agreement} close={close} />}
    </Page>
  )
}

function Totals({ asking, queues }: { asking: { counts: Counts | undefined }[]; queues: ReviewQueue[] }) {
  const questions = asking.reduce((sum, { counts }) => sum + (counts?.open ?? 0), 0)
  const images = queues.reduce((sum, one) => sum + one.counts.open + one.counts.adjudicate, 0)
  return (
    <span>
      {count(questions)} questions and {count(images)} images open
    </span>
  )
}

const HEAD = 'h-8 border-b border-line px-2 text-left text-xs font-normal text-ink-2'
const CELL = 'h-8 truncate border-b border-line px-2'

function QueueTable({ queues, workspace }: { queues: ReviewQueue[]; workspace: string }) {
  return (
    <table className="num w-full min-w-[880px] table-fixed border-collapse">
      <thead>
        <tr>
          <th className={HEAD}>Name</th>
          <th className={`${HEAD} w-28`}>Asks for</th>
          <th className={`${HEAD} w-32`}>People an image</th>
          <th className={`${HEAD} w-24 text-right`}>Open</th>
          <th className={`${HEAD} w-28 text-right`}>To adjudicate</th>
          <th className={`${HEAD} w-24 text-right`}>Done</th>
          <th className={`${HEAD} w-28`}>Made</th>
          <th className={`${HEAD} w-28`}>
            <span className="sr-only">Agreement</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {queues.map((one) => (
          <tr key={one.id} className="hover:bg-raised">
            <td className={CELL}>
              <Link to="/w/$workspace/review/$queue" params={{ workspace, queue: one.id }} className="font-medium hover:underline">
                {one.name}
              </Link>
            </td>
            <td className={`${CELL} text-ink-2`}>{one.mode === 'class' ? 'one class' : one.geometry.replace('_', ' ') || 'objects'}</td>
            <td className={`${CELL} text-ink-2`}>{one.answers_wanted === 1 ? 'one' : `${one.answers_wanted}, blind`}</td>
            <td className={`${CELL} text-right`}>{count(one.counts.open)}</td>
            <td className={`${CELL} text-right ${one.counts.adjudicate ? 'text-warn' : 'text-ink-3'}`}>{count(one.counts.adjudicate)}</td>
            <td className={`${CELL} text-right`}>{count(one.counts.done)}</td>
            <td className={`${CELL} text-ink-2`} title={moment(one.made_at)}>
              {ago(one.made_at)}
            </td>
            <td className={`${CELL} text-right`}>
              <Link to="/w/$workspace/review" params={{ workspace }} search={{ agreement: one.id }} className="text-sel hover:underline">
                Agreement
              </Link>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

function CampaignTable({ rows, workspace }: { rows: { campaign: Campaign; counts: Counts | undefined }[]; workspace: string }) {
  return (
    <table className="num w-full min-w-[880px] table-fixed border-collapse">
      <thead>
        <tr>
          <th className={HEAD}>Name</th>
          <th className={`${HEAD} w-28`}>State</th>
          <th className={`${HEAD} w-48`}>Labelled</th>
          <th className={`${HEAD} w-24 text-right`}>Asked now</th>
          <th className={`${HEAD} w-24 text-right`}>By people</th>
          <th className={`${HEAD} w-24 text-right`}>By the rule</th>
          <th className={`${HEAD} w-32 text-right`} title="At most this share of what the rule accepts is wrong">
            Error at most
          </th>
          <th className={`${HEAD} w-28`}>Made</th>
        </tr>
      </thead>
      <tbody>
        {rows.map(({ campaign, counts }) => (
          <tr key={campaign.id} className="hover:bg-raised">
            <td className={CELL}>
              <Link to="/w/$workspace/review/$queue" params={{ workspace, queue: campaign.id }} className="font-medium hover:underline">
                {campaign.name}
              </Link>
            </td>
            <td className={CELL}>
              <Tag>{campaign.state === 'done' ? 'done' : 'asking'}</Tag>
            </td>
            <td className={CELL}>
              {counts && (
                <span className="flex items-center gap-2">
                  <span className="w-24">
                    <Bar human={counts.human / counts.size} rule={counts.auto / counts.size} label={`${percent(progress(counts), 0)} labelled`} />
                  </span>
                  {percent(progress(counts), 0)}
                </span>
              )}
            </td>
            <td className={`${CELL} text-right`}>{count(counts?.open)}</td>
            <td className={`${CELL} text-right`}>{count(counts?.human)}</td>
            <td className={`${CELL} text-right`}>{count(counts?.auto)}</td>
            <td className={`${CELL} text-right text-ink-2`}>{percent(campaign.schedule.eps, 0)}</td>
            <td className={`${CELL} text-ink-2`} title={moment(campaign.made_at)}>
              {ago(campaign.made_at)}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}
