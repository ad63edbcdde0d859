import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router'
import { PlugZap, Upload as Arrow } from 'lucide-react'
import { useMemo, useRef, useState } from 'react'
import { writeFilters } from '@/media/links'
import type { Sheet } from '@/media/columns'
import { useSheet } from '@/media/sheet'
import { useRight } from '@/shell/session'
import { Button } from '@/ui/button'
import { ago, count, moment } from '@/ui/format'
import { Page, Section } from '@/ui/page'
import { Segments } from '@/ui/select'
import { Empty, Loaded } from '@/ui/states'
import { arrivals, type Arrival } from './arrivals'
import { Cameras } from './cameras'
import { Connect } from './connect'
import { Quarantine, quarantineQuery } from './quarantine'
import { Runs, Sending } from './runs'
import { Schemas } from './schemas'
import { Standing } from './standing'
import { filesOf, sendFiles } from './upload'

/** What has come in and what is coming in, from where, and what was turned away. */
export default function Screen() {
  const { workspace } = useParams({ from: '/w/$workspace/sources' })
  const { tab, run } = useSearch({ from: '/w/$workspace/sources' })
  const navigate = useNavigate()
  const [connecting, setConnecting] = useState(false)
  const [over, setOver] = useState(false)
  const depth = useRef(0)
  const may = useRight('ingest').held
  const quarantine = useQuery(quarantineQuery())
  const held = quarantine.data?.items.filter((one) => one.state === 'quarantined').length ?? 0
  return (
    <Page
      title="Sources"
      actions={
        <>
          <Segments
            label="Part"
            value={tab ?? 'all'}
            onChange={(next) => void navigate({ to: '/w/$workspace/sources', params: { workspace }, search: next === 'quarantine' ? { tab: 'quarantine' } : {} })}
            options={[
              { value: 'all', label: 'Sources' },
              { value: 'quarantine', label: `Quarantine${held ? ` ${count(held)}` : ''}` },
            ]}
          />
          <Button look="primary" needs="ingest" onClick={() => setConnecting(true)}>
            Connect a source
          </Button>
        </>
      }
    >
      <div
        className="relative h-full"
        onDragEnter={(event) => may && event.dataTransfer.types.includes('Files') && (depth.current++, setOver(true))}
        onDragLeave={() => over && --depth.current <= 0 && setOver(false)}
        onDragOver={(event) => may && event.preventDefault()}
        onDrop={(event) => {
          event.preventDefault()
          depth.current = 0
          setOver(false)
          if (may) void filesOf(event.dataTransfer).then(sendFiles)
        }}
      >
        {tab === 'quarantine' ? (
          <Quarantine />
        ) : (
          <div className="flex h-full flex-col gap-6 overflow-auto p-4" tabIndex={0} role="region" aria-label="Sources">
            <Sending workspace={workspace} />
            <Standing workspace={workspace} />
            <Cameras workspace={workspace} />
            <Schemas workspace={workspace} />
            <CameIn workspace={workspace} connect={() => setConnecting(true)} />
            <Runs workspace={workspace} current={run} />
          </div>
        )}
        {over && (
          <div className="pointer-events-none absolute inset-2 z-20 flex items-center justify-center gap-2 rounded-lg border border-dashed border-sel bg-bg/90 text-base">
            <Arrow size={18} aria-hidden /> Drop files or folders to ingest them
          </div>
        )}
      </div>
      {connecting && <Connect close={() => setConnecting(false)} />}
    </Page>
  )
}

function CameIn({ workspace, connect }: { workspace: string; connect: () => void }) {
  const sheet = useSheet(undefined)
  const navigate = useNavigate()
  return (
    <Loaded query={sheet} what="What has come in">
      {(data) =>
        data.size ? (
          <Section title="What has come in">
            <Arrivals sheet={data} workspace={workspace} />
          </Section>
        ) : (
          <Empty
            icon={<PlugZap />}
            title="Nothing has come in yet"
            actions={
              <>
                <Button needs="ingest" onClick={connect}>
                  Connect a source
                </Button>
                <Button look="quiet" onClick={() => void navigate({ to: '/w/$workspace/datasets', params: { workspace } })}>
                  See the datasets
                </Button>
              </>
            }
          >
            Folders, archives and uploads stand here with how much came from each. Drop files anywhere on this screen to begin.
          </Empty>
        )
      }
    </Loaded>
  )
}

const GRID = 'grid grid-cols-[minmax(120px,1.2fr)_88px_112px_120px_minmax(160px,2fr)] min-w-[680px] items-center gap-4 px-2'

function Arrivals({ sheet, workspace }: { sheet: Sheet; workspace: string }) {
  const { rows, from, to } = useMemo(() => arrivals(sheet), [sheet])
  return (
    <div role="table" aria-label="Sources">
      <div role="row" className={`${GRID} h-8 border-b border-line text-xs text-ink-2`}>
        <span role="columnheader">Source</span>
        <span role="columnheader" className="text-right">
          Samples
        </span>
        <span role="columnheader" className="text-right">
          On its last day
        </span>
        <span role="columnheader">Last came</span>
        <span role="columnheader" className="num">
          {moment(new Date(from).toISOString()).split(',')[0]} to {moment(new Date(to).toISOString()).split(',')[0]}
        </span>
      </div>
      {rows.map((one) => (
        <div key={one.source} role="row" className={`${GRID} h-8 border-b border-line`}>
          <span role="cell" className="truncate font-medium">
            {one.source || 'unnamed'}
          </span>
          <span role="cell" className="text-right">
            <Link to="/w/$workspace/datasets" params={{ workspace }} search={{ f: writeFilters({ source: [one.source] }) }} className="num text-sel hover:underline">
              {count(one.samples)}
            </Link>
          </span>
          <span role="cell" className="num text-right">
            {count(one.lastDay)}
          </span>
          <span role="cell" className="num" title={moment(one.last)}>
            {ago(one.last)}
          </span>
          <span role="cell">
            <Bars one={one} />
          </span>
        </div>
      ))}
    </div>
  )
}

function Bars({ one }: { one: Arrival }) {
  const most = Math.max(1, ...one.bins)
  return (
    <svg width="100%" height={20} viewBox={`0 0 ${one.bins.length} 20`} preserveAspectRatio="none" role="img" aria-label={`When ${count(one.samples)} samples came`}>
      {Array.from(one.bins, (rows, at) => (rows ? <rect key={at} x={at} width={0.8} y={20 - Math.max(1.5, (rows / most) * 20)} height={Math.max(1.5, (rows / most) * 20)} fill="var(--ink-3)" /> : null))}
    </svg>
  )
}
