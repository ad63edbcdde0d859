/** One listener for the whole page, attached before React mounts, so that who types at once is served too. */
export type Binding = { label: string; run: (event: KeyboardEvent) => void; group?: string; hidden?: boolean; enabled?: () => boolean }
/** By key: "a", "Shift+Enter", "Ctrl+k" (Cmd on a Mac), or a sequence of two: "g d". */
export type Bindings = Record<string, Binding>

const layers: Bindings[] = []
let prefix = ''
let forget = 0

/** Binds keys until the returned function is called; what is bound later wins. */
export function bindKeys(bindings: Bindings): () => void {
  layers.push(bindings)
  return () => void layers.splice(layers.indexOf(bindings), 1)
}

/** Every binding that holds now, the topmost for each key. */
export function boundKeys(): [string, Binding][] {
  const found = new Map<string, Binding>()
  for (const layer of layers) for (const [key, binding] of Object.entries(layer)) found.set(key, binding)
  return [...found].filter(([, binding]) => !binding.hidden)
}

/** The name of a key press: modifiers first; Shift is named only where it does not make another character. */
export function nameOf(event: Pick<KeyboardEvent, 'key' | 'ctrlKey' | 'metaKey' | 'altKey' | 'shiftKey'>): string {
  const named = event.key.length > 1
  const key = event.key === ' ' ? 'Space' : named ? event.key : event.key.toLowerCase()
  const letter = !named && key !== key.toUpperCase()
  const shift = event.shiftKey && (named || letter)
  return `${event.ctrlKey || event.metaKey ? 'Ctrl+' : ''}${event.altKey ? 'Alt+' : ''}${shift ? 'Shift+' : ''}${key}`
}

export function onKey(event: KeyboardEvent): void {
  if (event.defaultPrevented || event.isComposing) return
  const target = event.target instanceof HTMLElement ? event.target : null
  const typing = target?.matches('input:not([type=checkbox],[type=radio],[type=range]), textarea, select, [contenteditable=true]')
  const name = nameOf(event)
  if (typing && !name.startsWith('Ctrl+') && name !== 'Escape') return
  // A dialog or a menu has the keyboard to itself; so has a button for the keys that press it.
  if (target?.closest('[role=dialog],[role=menu],[role=listbox]') && !name.startsWith('Ctrl+')) return
  if ((name === 'Enter' || name === 'Space') && target?.matches('button, a, [role=row], [role=tab], [role=checkbox]')) return
  const asked = prefix ? `${prefix} ${name}` : name
  prefix = ''
  clearTimeout(forget)
  for (let at = layers.length - 1; at >= 0; at--) {
    const found = layers[at]![asked] ?? layers[at]![name]
    if (found && found.enabled?.() !== false) {
      event.preventDefault()
      found.run(event)
      return
    }
  }
  if (layers.some((layer) => Object.keys(layer).some((key) => key.startsWith(name + ' ')))) {
    prefix = name
    forget = window.setTimeout(() => (prefix = ''), 1200)
  }
}
