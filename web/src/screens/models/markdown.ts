/** The subset of Markdown that model cards are written in, as plain data: what is not understood stays text. */
export type Span = { kind: 'text' | 'code' | 'bold'; text: string }
export type Block = { kind: 'heading'; level: 1 | 2 | 3; spans: Span[] } | { kind: 'text'; spans: Span[] } | { kind: 'list'; items: Span[][] } | { kind: 'table'; head: Span[][]; rows: Span[][][] } | { kind: 'code'; text: string }

/** Code in backticks and bold in double stars; all else is text, links and HTML too. */
export function spansOf(text: string): Span[] {
  const spans: Span[] = []
  let from = 0
  for (const match of text.matchAll(/`([^`]+)`|\*\*([^*]+)\*\*/g)) {
    if (match.index > from) spans.push({ kind: 'text', text: text.slice(from, match.index) })
    spans.push(match[1] !== undefined ? { kind: 'code', text: match[1] } : { kind: 'bold', text: match[2]! })
    from = match.index + match[0].length
  }
  if (from < text.length) spans.push({ kind: 'text', text: text.slice(from) })
  return spans
}

const cells = (line: string) => line.replace(/^\||\|$/g, '').split('|').map((cell) => spansOf(cell.trim()))

/** The blocks of a text, in order. */
export function blocksOf(markdown: string): Block[] {
  const lines = markdown.split(/\r?\n/)
  const blocks: Block[] = []
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at]!
    const heading = /^(#{1,3})\s+(.*)$/.exec(line)
    if (!line.trim()) continue
    if (heading) blocks.push({ kind: 'heading', level: heading[1]!.length as 1 | 2 | 3, spans: spansOf(heading[2]!) })
    else if (line.startsWith('```')) {
      const end = lines.indexOf('```', at + 1)
      const until = end < 0 ? lines.length : end
      blocks.push({ kind: 'code', text: lines.slice(at + 1, until).join('\n') })
      at = until
    } else if (/^[-*] /.test(line)) {
      const items: Span[][] = []
      for (; at < lines.length && /^[-*] /.test(lines[at]!); at++) items.push(spansOf(lines[at]!.slice(2)))
      at--
      blocks.push({ kind: 'list', items })
    } else if (line.startsWith('|') && /^\|[\s:|-]+\|?$/.test(lines[at + 1] ?? '')) {
      const head = cells(line)
      const rows: Span[][][] = []
      for (at += 2; at < lines.length && lines[at]!.startsWith('|'); at++) rows.push(cells(lines[at]!))
      at--
      blocks.push({ kind: 'table', head, rows })
    } else {
      let text = line
      while (lines[at + 1]?.trim() && !/^(#|[-*] |\||```)/.test(lines[at + 1]!)) text += ` ${lines[++at]!}`
      blocks.push({ kind: 'text', spans: spansOf(text) })
    }
  }
  return blocks
}
