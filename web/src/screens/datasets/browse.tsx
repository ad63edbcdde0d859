import { useNavigate } from '@tanstack/react-router'
import { Layers, PanelLeft } from 'lucide-react'
import { useCallback, useEffect, useMemo, useState } from 'react'
import { holdsBack } from '@/media/filters'
import { gathered, hasGroups, withSlots } from '@/media/moments'
import { SORTS, type Sort } from '@/media/order'
import { bindKeys } from '@/shell/keys'
import { Button } from '@/ui/button'
import { count } from '@/ui/format'
import { Select } from '@/ui/select'
import { Empty, Failed } from '@/ui/states'
import { Chips, Facets } from './facets'
import { Grid } from './grid'
import { spoken } from './names'
import { Peek } from './peek'
import { useAddress, useChosen, type useSelection, type View } from './view'

const KEPT = 'sightloop.tile'

/** The grid with its facets, chips, sort and peek. */
export function Browse({ view, selection }: { view: View; selection: ReturnType<typeof useSelection> }) {
  const { sheet } = view
  const { workspace, go, search, version } = useAddress()
  const of = [version, search.f, search.q, search.set, search.like, search.each, view.sort].join()
  const navigate = useNavigate()
  const [size, setSize] = useState(() => Number(localStorage.getItem(KEPT)) || 152)
  const [at, setAt] = useState(0)
  const [facets, setFacets] = useState(() => innerWidth >= 900)
  const [peeking, setPeeking] = useState(false)
  useEffect(() => bindKeys({ ']': { label: 'Fold the facets', run: () => setFacets((is) => !is) } }), [])
  const selected = useChosen(view, selection)
  const groups = hasGroups(sheet)
  const gather = groups && !search.each
  const rows = useMemo(() => (gather ? gathered(sheet, view.rows) : view.rows), [gather, sheet, view.rows])
  const whole = useMemo(() => (gather ? { ...selection, put: (which: ArrayLike<number>, on: boolean | 'toggle', only?: boolean) => selection.put(withSlots(sheet, which, view.rows), on, only) } : selection), [gather, sheet, view.rows, selection])
  useEffect(() => (groups ? bindKeys({ u: { label: 'Groups as one tile, or each sample', group: 'View', run: () => go({ each: search.each ? undefined : '1' }, true) } }) : undefined), [groups, go, search.each])
  const place = Math.min(at, Math.max(0, rows.length - 1))
  const clear = useCallback(() => go({ f: undefined, q: undefined, set: undefined, like: undefined }), [go])
  const open = useCallback((row: number) => void navigate({ to: '/w/$workspace/s/$sample', params: { workspace, sample: sheet.ids[row]! } }), [navigate, workspace, sheet])
  const close = useCallback(() => setPeeking(false), [])
  const like = useCallback(
    (id: string) => {
      setPeeking(false)
      setAt(0)
      go({ like: id, sort: undefined })
    },
    [go],
  )
  const trouble = view.like?.error ?? view.set?.error
  return (
    <div className="flex h-full min-h-0">
      {facets && <Facets view={view} />}
      <div className="relative flex min-w-0 grow flex-col">
        <div className="flex h-9 shrink-0 items-center gap-3 border-b border-line px-2">
          <Button small look="quiet" icon={<PanelLeft size={14} />} aria-label="Facets" aria-pressed={facets} onClick={() => setFacets(!facets)} />
          <span className="num min-w-0 truncate text-xs text-ink-2">
            {selected ? (
              <>
                {count(selected)} selected{' '}
                <button type="button" className="ml-1 text-ink-3 hover:text-ink" onClick={() => selection.put([], true, true)}>
                  None
                </button>
              </>
            ) : (
              'Click or X selects, Space peeks, Enter opens'
            )}
          </span>
          <div className="ml-auto flex shrink-0 items-center gap-3">
            {groups && (
              <Button small look="quiet" icon={<Layers size={13} />} aria-pressed={gather} keys="U" tip={gather ? 'One tile for each moment' : 'One tile for each sample'} onClick={() => go({ each: gather ? '1' : undefined }, true)}>
                {gather ? 'Groups' : 'Each sample'}
              </Button>
            )}
            {selection.count === 1 && (
              <Button small look="quiet" onClick={() => like(sheet.ids[selection.mask.indexOf(1)]!)}>
                Find similar
              </Button>
            )}
            <input
              type="range"
              aria-label="Tile size"
              min={72}
              max={360}
              step={8}
              value={size}
              onChange={(event) => {
                setSize(Number(event.target.value))
                localStorage.setItem(KEPT, event.target.value)
              }}
              className="w-24 accent-ink max-md:hidden"
            />
            {view.sort === 'similar' ? (
              <span className="text-xs text-ink-2">Most similar first</span>
            ) : (
              <Select label="Sort" value={view.sort as string} onChange={(next) => go({ sort: next === 'newest' || next === 'given' ? undefined : next })} options={[...(view.sort === 'given' ? [{ value: 'given', label: 'As found' }] : []), ...SORTS] as { value: Sort; label: string }[]} className="text-xs" />
            )}
          </div>
        </div>
        <Chips view={view} clear={clear} drop={(name) => go({ [name]: undefined })} />
        <div className="relative min-h-0 grow">
          {trouble ? (
            <Failed what="The nearest samples" error={trouble} retry={clear} />
          ) : rows.length === 0 && !view.like?.busy && !view.set?.busy ? (
            <Nothing view={view} clear={clear} />
          ) : (
            <Grid sheet={sheet} rows={rows} selection={whole} gathered={gather} size={size} label="Samples" of={of} at={place} onAt={setAt} onOpen={open} onPeek={() => rows.length && setPeeking(true)} />
          )}
          {peeking && rows[place] !== undefined && <Peek sheet={sheet} row={rows[place]!} workspace={workspace} close={close} like={like} />}
        </div>
      </div>
    </div>
  )
}

/** Nothing passes: which filter to relax. */
function Nothing({ view, clear }: { view: View; clear: () => void }) {
  const { go } = useAddress()
  const [most] = holdsBack(view.passed)
  const name = most?.name ?? Object.keys(view.filters).at(-1)
  return (
    <Empty
      title="Nothing passes all of these"
      actions={
        <>
          {name !== undefined && (
            <Button look="plain" onClick={() => (name === '' ? go({ q: undefined, set: undefined }) : view.setFilters({ ...view.filters, [name]: [] }))}>
              Relax {spoken(name)}
              {most && <span className="num text-ink-3">{count(most.rows)}</span>}
            </Button>
          )}
          <Button onClick={clear}>Clear all</Button>
        </>
      }
    >
      {most ? `${spoken(most.name)} alone holds back ${count(most.rows)} ${most.rows === 1 ? 'sample' : 'samples'}.` : 'No single filter is the reason: several hold the same samples back.'}
    </Empty>
  )
}
