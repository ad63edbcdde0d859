import { Search as Glass, X } from 'lucide-react'
import { useEffect, useState } from 'react'
import { undo } from '@/shell/undo'
import { cx } from '@/ui/classes'
import { BOX } from '@/ui/field'
import { nameImage } from './sets'
import { useAddress } from './view'

/** Words to search for, or an image that is pasted or dropped to find what looks like it. */
export function SearchBox() {
  const { search, go } = useAddress()
  const [text, setText] = useState(search.q ?? '')
  const [over, setOver] = useState(false)
  useEffect(() => setText(search.q ?? ''), [search.q])
  useEffect(() => {
    if (text === (search.q ?? '')) return
    const timer = setTimeout(() => go({ q: text || undefined }, true), 150)
    return () => clearTimeout(timer)
  }, [text, search.q, go])
  const take = async (files: FileList | undefined | null) => {
    const image = [...(files ?? [])].find((file) => file.type.startsWith('image/'))
    if (!image) return false
    if (image.size > 40e6) undo.say('That image is larger than 40 MB.')
    else go({ like: nameImage(await base64(image)), sort: undefined })
    return true
  }
  return (
    <div
      onDragOver={(event) => (event.preventDefault(), setOver(true))}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        event.preventDefault()
        setOver(false)
        void take(event.dataTransfer.files)
      }}
      className={cx(BOX, 'flex h-7 w-40 min-w-32 items-center lg:w-56 xl:w-80 gap-2 px-2', over && 'border-sel bg-sel-bg')}
    >
      <Glass size={13} className="shrink-0 text-ink-3" aria-hidden />
      <input
        data-search
        aria-label="Search"
        value={text}
        placeholder={over ? 'Drop it to find similar images' : 'Search, or paste an image'}
        spellCheck={false}
        onChange={(event) => setText(event.target.value)}
        onPaste={(event) => void take(event.clipboardData.files)}
        onKeyDown={(event) => event.key === 'Escape' && (setText(''), event.currentTarget.blur())}
        className="h-full min-w-0 grow bg-transparent text-sm outline-none placeholder:text-ink-3"
      />
      {text ? (
        <button type="button" aria-label="Clear the search" onClick={() => setText('')} className="text-ink-3 hover:text-ink">
          <X size={13} />
        </button>
      ) : (
        <kbd>/</kbd>
      )}
    </div>
  )
}

async function base64(file: File): Promise<string> {
  const url = await new Promise<string>((done, failed) => {
    const reader = new FileReader()
    reader.onload = () => done(String(reader.result))
    reader.onerror = () => failed(reader.error ?? new Error('unreadable'))
    reader.readAsDataURL(file)
  })
  return url.slice(url.indexOf(',') + 1)
}
