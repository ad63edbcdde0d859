import { Link } from '@tanstack/react-router'
import { useEffect } from 'react'
import type { Sheet } from '@/media/columns'
import { alsoThumbs, tint, useThumb } from '@/media/thumbs'

/** A few samples in a row, each the way to itself. */
export function Strip({ sheet, rows, workspace, label }: { sheet: Sheet; rows: readonly number[]; workspace: string; label: string }) {
  const ids = rows.map((row) => sheet.ids[row]!)
  const key = ids.join()
  useEffect(() => alsoThumbs(key ? key.split(',') : []), [key])
  return (
    <ul aria-label={label} className="flex h-16 min-w-0 flex-wrap gap-1 overflow-hidden">
      {rows.map((row) => (
        <li key={row}>
          <Thumb sheet={sheet} row={row} workspace={workspace} />
        </li>
      ))}
    </ul>
  )
}

function Thumb({ sheet, row, workspace }: { sheet: Sheet; row: number; workspace: string }) {
  const id = sheet.ids[row]!
  const url = useThumb(id)
  return (
    <Link to="/w/$workspace/s/$sample" params={{ workspace, sample: id }} aria-label={sheet.names[row]!} title={sheet.names[row]} className="block size-16 overflow-hidden rounded-sm" style={{ background: tint(sheet.colours[row]!) }}>
      {url && <img src={url} alt="" className="size-full object-cover" />}
    </Link>
  )
}
