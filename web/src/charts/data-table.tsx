import { useVirtualizer } from '@tanstack/react-virtual'
import { useRef } from 'react'

/** What a chart draws, as rows that can be read and copied. */
export function DataTable({ title, head, rows, height }: { title: string; head: readonly string[]; rows: readonly (readonly string[])[]; height: number }) {
  const frame = useRef<HTMLDivElement>(null)
  const virtual = useVirtualizer({ count: rows.length, getScrollElement: () => frame.current, estimateSize: () => 24, overscan: 8 })
  const columns = { gridTemplateColumns: `repeat(${head.length}, minmax(0, 1fr))` }
  return (
    <div ref={frame} role="table" aria-label={title} aria-rowcount={rows.length + 1} tabIndex={0} className="overflow-auto rounded-md border border-line text-xs" style={{ height }}>
      <div role="row" className="sticky top-0 grid h-6 items-center border-b border-line bg-bg px-2 text-ink-2" style={columns}>
        {head.map((name) => (
          <span key={name} role="columnheader" className="truncate">
            {name}
          </span>
        ))}
      </div>
      <div role="rowgroup" className="relative" style={{ height: virtual.getTotalSize() }}>
        {virtual.getVirtualItems().map((item) => (
          <div key={item.index} role="row" aria-rowindex={item.index + 2} className="num absolute inset-x-0 grid h-6 items-center px-2" style={{ ...columns, transform: `translateY(${item.start}px)` }}>
            {rows[item.index]!.map((text, at) => (
              <span key={at} role="cell" className="truncate">
                {text}
              </span>
            ))}
          </div>
        ))}
      </div>
    </div>
  )
}
