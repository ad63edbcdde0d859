import { X } from 'lucide-react'
import { useEffect, useState } from 'react'
import { useConnection } from '@/api/connection'
import { span } from '@/ui/format'
import { undo, useNotice } from './undo'

/** Whether all is saved, and the keys worth knowing. */
export function StatusBar({ version, onKeys }: { version: string; onKeys: () => void }) {
  const { online, pending, savedAt } = useConnection()
  const [, tick] = useState(0)
  useEffect(() => {
    const timer = setInterval(() => tick((n) => n + 1), 5000)
    return () => clearInterval(timer)
  }, [])
  return (
    <footer className="flex h-7 shrink-0 items-center gap-4 border-t border-line px-4 text-2xs text-ink-2">
      <div role="status" aria-live="polite" className="num flex items-center gap-2">
        {!online ? (
          <span className="rounded-sm bg-warn-bg px-1.5 text-warn">Offline{pending > 0 && `, ${pending} ${pending === 1 ? 'change' : 'changes'} kept`}</span>
        ) : pending > 0 ? (
          <span>Saving {pending}</span>
        ) : (
          savedAt && <span>Saved {span((Date.now() - savedAt) / 1000)} ago</span>
        )}
      </div>
      <div className="ml-auto flex items-center gap-3">
        <button type="button" onClick={onKeys} className="flex items-center gap-1 hover:text-ink">
          <kbd>?</kbd> Keys
        </button>
        <span className="num">Sightloop {version}</span>
      </div>
    </footer>
  )
}

/** What was just done, with its undo, for 8 s. */
export function Notice() {
  const notice = useNotice()
  if (!notice) return <div role="status" aria-live="polite" className="sr-only" />
  return (
    <div role="status" aria-live="polite" className="rise fixed bottom-10 left-1/2 z-50 flex -translate-x-1/2 items-center gap-3 rounded-md border border-line-strong bg-raised px-3 py-2 shadow-overlay">
      <span className="max-w-[50vw] truncate">{notice.text}</span>
      {notice.canUndo && (
        <button type="button" className="font-medium text-sel hover:underline" onClick={() => void undo.last()}>
          Undo
        </button>
      )}
      <button type="button" aria-label="Dismiss" className="text-ink-3 hover:text-ink" onClick={undo.dismiss}>
        <X size={14} />
      </button>
    </div>
  )
}
