import { useQuery } from '@tanstack/react-query'
import { useMemo } from 'react'
import { asked, request } from '@/api/client'
import { ThingLink } from '@/screens/runs/thing'
import { Copyable, Loaded } from '@/ui/states'
import { blocksOf, type Block, type Span } from './markdown'

/** The model card: its Markdown as elements of ours, never as HTML. */
export function Card({ version }: { version: string }) {
  const card = useQuery(asked(['card', version], async (signal) => ({ data: await (await request(`/api/v1/model-versions/${encodeURIComponent(version)}/card`, { signal })).text() })))
  return (
    <div className="h-full overflow-auto p-6" tabIndex={0} role="region" aria-label="Model card">
      <Loaded query={card} what="The model card">
        {(text) => <Blocks text={text} />}
      </Loaded>
    </div>
  )
}

function Blocks({ text }: { text: string }) {
  const blocks = useMemo(() => blocksOf(text), [text])
  return (
    <div className="flex max-w-3xl flex-col gap-3">
      {blocks.map((block, at) => (
        <One key={at} block={block} />
      ))}
    </div>
  )
}

function One({ block }: { block: Block }) {
  switch (block.kind) {
    case 'heading':
      return block.level === 1 ? <h2 className="text-lg font-semibold">{<Spans of={block.spans} />}</h2> : <h3 className="mt-3 text-base font-medium">{<Spans of={block.spans} />}</h3>
    case 'text':
      return <p className="text-ink-2"><Spans of={block.spans} /></p>
    case 'code':
      return <pre className="mono overflow-auto rounded-md bg-well p-3" tabIndex={0}>{block.text}</pre>
    case 'list':
      return <ul className="flex flex-col gap-1">{block.items.map((item, at) => <li key={at} className="num pl-3 -indent-3 text-ink-2 before:text-ink-3 before:content-['–_']"><Spans of={item} /></li>)}</ul>
    case 'table':
      return (
        <table className="num w-full max-w-xl border-collapse text-xs">
          <thead><tr>{block.head.map((cell, at) => <th key={at} className="h-7 border-b border-line-strong text-left font-normal text-ink-2"><Spans of={cell} /></th>)}</tr></thead>
          <tbody>{block.rows.map((row, line) => <tr key={line}>{row.map((cell, at) => <td key={at} className="h-7 border-b border-line pr-4"><Spans of={cell} /></td>)}</tr>)}</tbody>
        </table>
      )
  }
}

function Spans({ of }: { of: Span[] }) {
  return of.map((span, at) => {
    if (span.kind === 'bold') return <strong key={at} className="font-semibold text-ink">{span.text}</strong>
    if (span.kind !== 'code') return <span key={at}>{span.text}</span>
    if (/^[a-z]{3}_[0-9a-z]{26}$/.test(span.text)) return <span key={at} className="mono"><ThingLink id={span.text}>{span.text}</ThingLink></span>
    return /^[0-9a-f]{64}$/.test(span.text) ? <Copyable key={at} text={span.text} short={16} /> : <code key={at} className="mono text-ink">{span.text}</code>
  })
}
