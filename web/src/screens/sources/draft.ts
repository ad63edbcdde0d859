/** What the form of a bucket holds. */
export type Draft = { url: string; name: string; credentials: string; every: string; copy: boolean; keyId: string; secret: string; region: string; endpoint: string; account: string }
export type Store = 's3' | 'gcs' | 'azure'

export const NEW = '+'
export const NONE = '-'
export const drafted: Draft = { url: '', name: '', credentials: NONE, every: '0', copy: false, keyId: '', secret: '', region: '', endpoint: '', account: '' }

/** Whose bucket an address names; empty for none. */
export function storeOf(url: string): Store | '' {
  const scheme = /^\s*(s3|gs|az):\/\/[^/\s]+/.exec(url)?.[1]
  return scheme === 's3' ? 's3' : scheme === 'gs' ? 'gcs' : scheme === 'az' ? 'azure' : ''
}

/** The secrets that credentials of the kind are made of. */
export function secretsOf(store: Store | '', draft: Draft): Record<string, string> {
  if (store === 's3') return { access_key_id: draft.keyId.trim(), secret_access_key: draft.secret.trim() }
  if (store === 'gcs') return { service_account: draft.secret }
  return { account_key: draft.secret.trim() }
}

export type Looked = { found?: number; unchanged?: number; changed?: number; removed?: number; ingested?: number; known?: number; quarantined?: number }

/** What the newest look brought, in words; counts that are nought stay unsaid. */
export function brought(output: Looked): string {
  const said = [
    [output.ingested, 'new'], [output.changed, 'changed'], [output.removed, 'gone'], [output.known, 'known'], [output.quarantined, 'turned away'], [output.unchanged, 'as before'],
  ] as const
  return said.flatMap(([n, word]) => (n ? [`${n.toLocaleString('en')} ${word}`] : [])).join(', ') || 'nothing there'
}
