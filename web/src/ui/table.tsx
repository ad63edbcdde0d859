import { useVirtualizer } from '@tanstack/react-virtual'
import { useEffect, useRef, type ReactNode } from 'react'
import { bindKeys } from '@/shell/keys'
import { cx } from './classes'

export type Column<T> = { key: string; head: ReactNode; cell: (row: T) => ReactNode; right?: boolean; width?: string }

type Props<T> = {
  rows: readonly T[]
  columns: readonly Column<T>[]
  id: (row: T) => string
  label: string
  /** Where a row leads; Enter and a click open it. */
  onOpen?: (row: T) => void
  selected?: ReadonlySet<string>
  onSelect?: (row: T) => void
  current?: string
  /** Called when the end comes in sight, to fetch more. */
  onEnd?: () => void
}

/** Widths in pixels: of what stretches at the least, and of the padding. */
const LEAST = 128
const PADDING = 32

/** The columns' widths, and how wide all are at the least: on a narrow screen the table scrolls, no column lies on another. */
export function tracks(columns: readonly { width?: string }[]): { template: string; least: number } {
  const widths = columns.map(({ width = '1fr' }) => width.replace(/^(?:minmax\(0,)?([\d.]+fr)\)?$/, `minmax(${LEAST}px,$1)`))
  return { template: widths.join(' '), least: widths.reduce((sum, width) => sum + parseFloat(width.replace(/^minmax\(/, '')), PADDING) }
}

/** A virtual table: text left, numbers right, sticky head, the row is the link; J and K move, Enter opens, X selects. */
export function Table<T>({ rows, columns, id, label, onOpen, selected, onSelect, current, onEnd }: Props<T>) {
  const frame = useRef<HTMLDivElement>(null)
  const at = useRef(-1)
  const virtual = useVirtualizer({ count: rows.length, getScrollElement: () => frame.current, estimateSize: () => 32, overscan: 12 })
  const shown = virtual.getVirtualItems()
  const last = shown.at(-1)?.index ?? 0
  useEffect(() => {
    if (onEnd && rows.length && last >= rows.length - 5) onEnd()
  }, [last, rows.length, onEnd])
  const go = (to: number) => {
    at.current = Math.max(0, Math.min(rows.length - 1, to))
    virtual.scrollToIndex(at.current)
    requestAnimationFrame(() => frame.current?.querySelector<HTMLElement>(`[data-index="${at.current}"]`)?.focus())
  }
  useEffect(() =>
    bindKeys({
      j: { label: 'Next row', run: () => go(at.current + 1) },
      k: { label: 'Previous row', run: () => go(at.current - 1) },
    }),
  )
  const { template, least } = tracks(columns)
  return (
    <div ref={frame} role="table" aria-label={label} aria-rowcount={rows.length + 1} className="h-full overflow-auto" tabIndex={0}>
      <div role="row" aria-rowindex={1} className="sticky top-0 z-10 grid h-8 items-center border-b border-line bg-bg px-4 text-xs text-ink-2" style={{ gridTemplateColumns: template, minWidth: least }}>
        {columns.map((column) => (
          <div key={column.key} role="columnheader" className={cx('truncate px-2', column.right && 'text-right')}>
            {column.head}
          </div>
        ))}
      </div>
      <div role="rowgroup" className="relative" style={{ height: virtual.getTotalSize(), minWidth: least }}>
        {shown.map((item) => {
          const row = rows[item.index]!
          const key = id(row)
          return (
            <div
              key={key}
              role="row"
              data-index={item.index}
              aria-rowindex={item.index + 2}
              aria-selected={selected?.has(key) || undefined}
              tabIndex={onOpen || onSelect ? 0 : undefined}
              onFocus={() => (at.current = item.index)}
              onClick={() => onOpen?.(row)}
              onKeyDown={(event) => {
                if (event.target !== event.currentTarget) return
                if (event.key === 'Enter') onOpen?.(row)
                if (event.key === 'x' && onSelect) onSelect(row)
              }}
              className={cx('absolute inset-x-0 grid h-8 items-center border-b border-line px-4', onOpen && 'cursor-pointer hover:bg-raised', (selected?.has(key) || current === key) && 'bg-sel-bg')}
              style={{ gridTemplateColumns: template, transform: `translateY(${item.start}px)` }}
            >
              {columns.map((column) => (
                <div key={column.key} role="cell" className={cx('truncate px-2', column.right && 'num text-right')}>
                  {column.cell(row)}
                </div>
              ))}
            </div>
          )
        })}
      </div>
    </div>
  )
}
