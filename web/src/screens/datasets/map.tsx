import { useNavigate } from '@tanstack/react-router'
import { Lasso, ScatterChart } from 'lucide-react'
import { useCallback, useEffect, useMemo, useState } from 'react'
import { textAt } from '@/media/columns'
import { clusters } from '@/media/places'
import { alsoThumbs, tint, useThumb } from '@/media/thumbs'
import { bindKeys } from '@/shell/keys'
import { useTheme } from '@/shell/theme'
import { Button } from '@/ui/button'
import { cx } from '@/ui/classes'
import { ago, count } from '@/ui/format'
import { hue, Swatch } from '@/ui/marks'
import { Select } from '@/ui/select'
import { Empty, Failed, Progress } from '@/ui/states'
import { Trouble } from './actions'
import { Grid } from './grid'
import { MapCanvas, rgb } from './map-canvas'
import { useLayout, type Placed } from './map-data'
import { captioned, painted } from './map-paint'
import { classColours, shownFacets, spoken } from './names'
import { nameSet } from './sets'
import { Labels } from './tile'
import { useAddress, type useSelection, type View } from './view'

type Props = { view: View; selection: ReturnType<typeof useSelection> }

/** The samples laid out by what they look like; a lasso on the map selects, and the grid beside it shows what. */
export default function MapView({ view, selection }: Props) {
  const { version } = useAddress()
  const layout = useLayout(view.sheet, version)
  const { placed, going, failed } = layout
  const lay = (
    <Button look={placed ? 'quiet' : 'plain'} small={!!placed} needs="dataset.write" busy={layout.starting || !!going} onClick={() => layout.lay.mutate()}>
      {going ? `Laying out ${going.progress.total ? `${count(going.progress.done)} of ${count(going.progress.total)}` : (going.progress.note || going.state)}` : placed ? 'Lay out again' : 'Lay out'}
    </Button>
  )
  if (layout.layouts.isError) return <Failed what="The map" error={layout.layouts.error} retry={() => void layout.layouts.refetch()} />
  if (layout.columns.isError && !placed) return <Failed what="The map" error={layout.columns.error} retry={() => void layout.columns.refetch()} />
  if (layout.layouts.data && !layout.newest) {
    return (
      <Empty icon={<ScatterChart />} title="No map yet" actions={lay}>
        {failed ? `The last try failed: ${failed.error.message ?? 'see its run'}.` : 'A layout puts samples that look alike side by side. It runs once over the stored embeddings, and goes on while you work.'}
        <Trouble error={layout.lay.error} />
      </Empty>
    )
  }
  if (!placed) return <Progress busy />
  return <Drawn view={view} selection={selection} placed={placed} lay={lay} note={`${count(placed.rows.length)} samples, ${layout.newest!.method || 'laid out'}, ${ago(layout.newest!.made_at)}`} />
}

function Drawn({ view, selection, placed, lay, note }: Props & { placed: Placed; lay: React.ReactNode; note: string }) {
  const { sheet, passed } = view
  const { go, workspace } = useAddress()
  const navigate = useNavigate()
  const theme = useTheme()
  const [by, setBy] = useState(sheet.facets.includes('label') ? 'label' : 'cluster')
  const [lassoing, setLassoing] = useState(false)
  const [hovered, setHovered] = useState(-1)
  const [at, setAt] = useState(0)
  const groups = useMemo(() => clusters(placed.places, 12), [placed])
  const looks = useMemo(() => {
    const colours = classColours(sheet)
    return painted(sheet, placed.rows, by, groups, (value, index) => colours.get(value) ?? hue(index), rgb('--ink-3'), rgb('--machine'))
    // The tokens differ by theme.
  }, [sheet, placed, by, groups, theme])
  const states = useMemo(() => Uint8Array.from(placed.rows, (row) => (selection.count && selection.mask[row] ? 2 : passed.fails[row] ? 0 : 1)), [placed, passed, selection.mask, selection.count])
  const said = sheet.columns.get(by)?.kind === 'texts' ? by : 'label'
  const captions = useMemo(() => captioned(placed.rows, groups, sheet.columns.get(said), said), [placed, groups, sheet, said])
  const chosen = useMemo(() => (selection.count ? view.rows.filter((row) => selection.mask[row]) : view.rows), [view.rows, selection.mask, selection.count])
  useEffect(
    () =>
      bindKeys({
        l: { label: 'Lasso', run: () => setLassoing((is) => !is) },
        Escape: { label: 'Select nothing', run: () => (setLassoing(false), selection.put([], true, true)) },
      }),
    [selection],
  )
  const rowsOf = (found: Uint32Array) => Array.from(found, (one) => placed.rows[one]!).filter((row) => passed.fails[row] === 0)
  const hover = useCallback(
    (one: number) => {
      setHovered(one)
      if (one >= 0) alsoThumbs([sheet.ids[placed.rows[one]!]!])
    },
    [sheet, placed],
  )
  const ofLegend = (value: string) => {
    const column = sheet.columns.get(by)
    const rows: number[] = []
    placed.rows.forEach((row, one) => {
      const mine = by === 'cluster' ? groups.of[one] === Number(value) : column?.kind === 'texts' && (column.values[column.codes[row]!] ?? '') === value
      if (mine && passed.fails[row] === 0) rows.push(row)
    })
    return rows
  }
  const options = [...['label', 'predicted', 'split', 'score'].filter((name) => sheet.columns.has(name)), ...shownFacets(sheet).filter((name) => !['label', 'predicted', 'split'].includes(name)), 'cluster']
  return (
    <div className="flex h-full min-h-0">
      <div className="relative flex min-w-0 grow flex-col">
        <div className="flex h-9 shrink-0 items-center gap-x-3 border-b border-line px-2">
          <span className="text-xs text-ink-2 max-lg:hidden">Colour</span>
          <Select label="Colour by" value={by} onChange={setBy} options={options.map((name) => ({ value: name, label: name === 'cluster' ? 'Group' : spoken(name) }))} className="text-xs" />
          <Button small look={lassoing ? 'plain' : 'quiet'} aria-pressed={lassoing} icon={<Lasso size={13} />} keys="L" tip="Or hold Shift and drag. The wheel zooms, F fits." onClick={() => setLassoing(!lassoing)}>
            Lasso
          </Button>
          <span className="hidden shrink-0 text-xs text-ink-3 2xl:block">Shift and drag selects, the wheel zooms, F fits</span>
          <span className="num ml-auto min-w-0 flex-1 truncate text-right text-xs text-ink-3" title={note}>
            {note}
          </span>
          {lay}
        </div>
        <div className="relative min-h-0 grow">
          <MapCanvas
            places={placed.places}
            colours={looks.colours}
            states={states}
            captions={captions}
            label={`Map of ${count(placed.rows.length)} samples, ${count(selection.count)} selected. The list beside it selects by ${by === 'cluster' ? 'group' : spoken(by)}.`}
            lassoing={lassoing}
            onLasso={(found, more) => (selection.put(rowsOf(found), true, !more), setAt(0))}
            onHover={hover}
            onPick={(one) => selection.put(one < 0 ? [] : [placed.rows[one]!], true, true)}
            absent={
              <Empty title="This browser draws no map" actions={<Button onClick={() => go({ view: undefined })}>Open the grid</Button>}>
                The map needs WebGL 2, which is off or missing here. The grid shows the same samples.
              </Empty>
            }
          />
          {hovered >= 0 && hovered < placed.rows.length && <Hovered view={view} row={placed.rows[hovered]!} />}
        </div>
      </div>
      <aside aria-label="Selection" className="flex w-80 shrink-0 flex-col border-l max-lg:w-44 border-line">
        <div className="max-h-48 shrink-0 overflow-y-auto border-b border-line p-2" tabIndex={0} role="group" aria-label="Select by colour">
          {looks.legend.map((one) => (
            <button key={one.value} type="button" onClick={() => selection.put(ofLegend(one.value), true, true)} className="flex h-6 w-full items-center gap-2 rounded-sm px-1 text-left text-xs hover:bg-raised">
              <Swatch colour={one.colour} />
              <span className={cx('min-w-0 grow truncate', one.value === '' && 'italic')}>{one.text}</span>
              <span className="num text-ink-2">{count(one.rows)}</span>
            </button>
          ))}
          {!looks.legend.length && <p className="px-1 text-xs text-ink-2">The more {spoken(by).toLowerCase()}, the stronger the colour; grey has none.</p>}
        </div>
        <div className="flex min-h-9 shrink-0 flex-wrap items-center gap-2 border-b border-line px-3 py-1 text-xs" aria-live="polite">
          <span className="num">{selection.count ? `${count(selection.count)} selected` : `${count(view.rows.length)} in the view`}</span>
          <span className="grow" />
          {selection.count > 0 && (
            <>
              <Button small look="quiet" onClick={() => go({ view: undefined, set: nameSet(Array.from(chosen, (row) => sheet.ids[row]!)) })}>
                Open in the grid
              </Button>
              <Button small look="quiet" onClick={() => selection.put([], true, true)}>
                None
              </Button>
            </>
          )}
        </div>
        <div className="min-h-0 grow">
          <Grid sheet={sheet} rows={chosen} selection={{ ...EMPTY(sheet.size), put: () => {} }} size={92} label="What is selected on the map" at={Math.min(at, Math.max(0, chosen.length - 1))} onAt={setAt} onOpen={(row) => void navigate({ to: '/w/$workspace/s/$sample', params: { workspace, sample: sheet.ids[row]! } })} />
        </div>
      </aside>
    </div>
  )
}

let none = { mask: new Uint8Array(0), count: 0 }
/** A selection of nothing; on the map the points carry the selection. */
const EMPTY = (size: number) => (none = none.mask.length === size ? none : { mask: new Uint8Array(size), count: 0 })

function Hovered({ view, row }: { view: View; row: number }) {
  const { sheet } = view
  const url = useThumb(sheet.ids[row]!)
  return (
    <div className="pointer-events-none absolute bottom-3 left-3 w-36 overflow-hidden rounded-md border border-line-strong bg-raised" style={{ background: tint(sheet.colours[row]!) }}>
      <div className="relative h-28">
        {url && <img src={url} alt="" className="size-full object-cover" />}
        <Labels sheet={sheet} row={row} />
      </div>
      <p className="truncate bg-raised px-2 py-1 text-2xs text-ink-2">
        {sheet.names[row]} {textAt(sheet, 'split', row)}
      </p>
    </div>
  )
}
