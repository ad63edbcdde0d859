import { expect, test } from 'vitest'
import { tracks } from './table'

test('what stretches keeps a least width, so that no column lies on another where there is little room', () => {
  const { template, least } = tracks([{ width: '32px' }, {}, { width: 'minmax(0,1.4fr)' }, { width: 'minmax(150px,1fr)' }])
  expect(template).toBe('32px minmax(128px,1fr) minmax(128px,1.4fr) minmax(150px,1fr)')
  expect(least).toBe(32 + 128 + 128 + 150 + 32)
})
