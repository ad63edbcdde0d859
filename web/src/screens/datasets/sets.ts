/** Choices of samples that are too long for an address are kept in this tab and named by a short key. */
const AT = 'sightloop.set.'

/** The name for `set` of these samples: the ids themselves where they are few, so that the link works elsewhere. */
export function nameSet(ids: readonly string[]): string {
  if (ids.length <= 40) return ids.join(',')
  const key = `kept-${Date.now().toString(36)}`
  try {
    sessionStorage.setItem(AT + key, ids.join(','))
  } catch {
    for (const old of Object.keys(sessionStorage)) if (old.startsWith(AT)) sessionStorage.removeItem(old)
    sessionStorage.setItem(AT + key, ids.join(','))
  }
  return key
}

/** The samples that `set` names; none where another tab kept them. */
export function storedIds(set: string): string[] {
  const text = set.startsWith('kept-') ? (sessionStorage.getItem(AT + set) ?? '') : set
  return text.split(',').filter(Boolean)
}

const images = new Map<string, string>()

/** Keeps an image to search by (base64) and gives the name for `like`. */
export function nameImage(base64: string): string {
  const key = `image-${Date.now().toString(36)}`
  images.set(key, base64)
  return key
}

/** The image that `like` names, if this page still has it. */
export const imageOf = (key: string): string | undefined => images.get(key)
