import { expect, test } from 'vitest'
import { brought, drafted, secretsOf, storeOf } from './draft'

test('an address tells whose bucket it names', () => {
  expect(['s3://plant/x', 'gs://plant', ' az://plant/x', 'https://plant', 's3://', ''].map(storeOf)).toEqual(['s3', 'gcs', 'azure', '', '', ''])
})

test('credentials are made of what their kind needs', () => {
  const draft = { ...drafted, keyId: 'id ', secret: ' key' }
  expect(secretsOf('s3', draft)).toEqual({ access_key_id: 'id', secret_access_key: 'key' })
  expect(secretsOf('azure', draft)).toEqual({ account_key: 'key' })
  expect(secretsOf('gcs', { ...draft, secret: '{}' })).toEqual({ service_account: '{}' })
})

test('a look tells what it brought and leaves noughts unsaid', () => {
  expect(brought({ ingested: 1200, changed: 0, removed: 2, unchanged: 5 })).toBe('1,200 new, 2 gone, 5 as before')
  expect(brought({ ingested: 0, known: 3 })).toBe('3 known')
  expect(brought({ ingested: 0 })).toBe('nothing there')
})
