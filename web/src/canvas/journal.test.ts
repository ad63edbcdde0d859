import { expect, test } from 'vitest'
import { condensed, Journal, type Answer, type Entry, type Operation, type Store } from './journal'

function memory(): Store & { entries: Map<number, Entry> } {
  const entries = new Map<number, Entry>()
  let last = 0
  return {
    entries,
    add: async (entry) => {
      if ('id' in entry) throw new Error('A database refuses to add what has a number already.')
      entries.set(++last, structuredClone({ ...entry, id: last }))
      return last
    },
    all: async () => structuredClone([...entries.values()]),
    put: async (changed) => changed.forEach((one) => entries.set(one.id, structuredClone(one))),
    remove: async (ids) => ids.forEach((id) => entries.delete(id)),
  }
}

type Sent = { path: string; body: Entry['body']; key: string }
const PATH = '/api/v1/samples/smp_1/objects'
const put = (object: string, expected_revision: number | null = 0, more = {}): Operation => ({ op: 'put', object, expected_revision, ...more })
const change = (...operations: Operation[]) => ({ schema: 'parts', operations })
const failure = (status: number, retryable: boolean) => Object.assign(new Error('no'), { status, retryable })

const atOnce = (_: string, take: () => Promise<void>): Promise<void> => take()

function server(answers: (Answer | Error)[] = []) {
  const sent: Sent[] = []
  const told: number[] = []
  const hooks = {
    send: async (entry: Sent): Promise<Answer> => {
      sent.push(structuredClone({ path: entry.path, body: entry.body, key: entry.key }))
      const answer = answers.shift() ?? { objects: (entry.body.operations ?? []).map((one) => ({ id: one.object, revision: sent.length })), conflicts: [] }
      if (answer instanceof Error) throw answer
      return answer
    },
    tell: (pending: number) => void told.push(pending),
    sleep: async () => {},
  }
  return { sent, told, hooks }
}

test('an operation is on disk before it is sent', async () => {
  const store = memory()
  const { hooks } = server()
  let kept = 0
  const journal = new Journal(store, { ...hooks, send: async (entry) => ((kept = store.entries.size), hooks.send(entry)) }, 'page')
  await journal.post('default', PATH, change(put('a')))
  expect([kept, store.entries.size]).toEqual([1, 0])
})

test('neighbouring operations on one sample go as one request, and others keep their order', async () => {
  const { sent, hooks } = server()
  const journal = new Journal(memory(), hooks, 'page')
  const posts = [journal.post('default', PATH, change(put('a'))), journal.post('default', PATH, change(put('b'))), journal.post('default', '/api/v1/queue/undo', {}), journal.post('default', PATH, change(put('c')))]
  await Promise.all(posts)
  expect(sent.map((one) => [one.path, one.body.operations?.map((op) => op.object)])).toEqual([[PATH, ['a', 'b']], ['/api/v1/queue/undo', undefined], [PATH, ['c']]])
})

test('what the network lost is sent again as the same request, until it is answered', async () => {
  const { sent, told, hooks } = server([failure(0, true), failure(503, true)])
  const journal = new Journal(memory(), hooks, 'page')
  await journal.post('default', PATH, change(put('a')))
  expect(sent.length).toBe(3)
  expect(new Set(sent.map((one) => one.key)).size).toBe(1)
  expect(told.at(-1)).toBe(0)
})

test('a page that opens after a crash sends what was left, with the same key and the same operations', async () => {
  const store = memory()
  const stuck = new Journal(store, { ...server().hooks, send: () => new Promise<never>(() => {}) }, 'crashed')
  void stuck.post('default', PATH, change(put('a')))
  void stuck.post('default', PATH, change(put('b')))
  for (let at = 0; at < 20; at++) await Promise.resolve()
  const key = [...store.entries.values()][0]!.key
  const { sent, hooks } = server()
  const journal = new Journal(store, hooks, 'next')
  await journal.adopt(atOnce)
  await journal.drained()
  expect(sent.map((one) => [one.key, one.body.operations!.map((op) => op.object)])).toEqual([[key, ['a', 'b']]])
})

test('all is with the server only once what a page that is gone left behind is, however late it lets go', async () => {
  const store = memory()
  await store.add({ page: 'gone', workspace: 'default', path: '/api/v1/queue/items/itm_1/answer', body: { verb: 'accept' }, key: 'k', at: 0 })
  const { sent, hooks } = server()
  const journal = new Journal(store, { ...hooks, send: async (entry) => (await new Promise((done) => setTimeout(done)), hooks.send(entry)) }, 'next')
  void journal.adopt(async (_, take) => (await new Promise((done) => setTimeout(done)), take()))
  await journal.drained()
  expect([sent.map((one) => one.key), store.entries.size]).toEqual([['k'], 0])
})

test('what is being kept is not with the server yet', async () => {
  const { sent, hooks } = server()
  const journal = new Journal(memory(), hooks, 'page')
  void journal.post('default', '/api/v1/queue/undo', {})
  await journal.drained()
  expect(sent.length).toBe(1)
})

test('a page leaves alone what another living page sends', async () => {
  const store = memory()
  await store.add({ page: 'alive', workspace: 'default', path: PATH, body: change(put('a')), key: '', at: 0 })
  const { sent, hooks } = server()
  await new Journal(store, hooks, 'next').adopt(async () => {})
  expect([sent.length, store.entries.size]).toEqual([0, 1])
})

test('the second change of an object expects the revision that the first one got', async () => {
  const { sent, hooks } = server([{ objects: [{ id: 'a', revision: 41 }], conflicts: [] }])
  const journal = new Journal(memory(), hooks, 'page')
  await journal.post('default', PATH, change(put('a', 0)))
  await journal.post('default', PATH, change(put('a', 0)))
  expect(sent.map((one) => one.body.operations![0]!.expected_revision)).toEqual([0, 41])
})

test('a conflict is kept with what the person did until they chose', async () => {
  const store = memory()
  const theirs = { id: 'a', label: 'dent' }
  const { hooks } = server([{ objects: [], conflicts: [{ object: 'a', expected_revision: 1, revision: 5, theirs }] }])
  const journal = new Journal(store, hooks, 'page')
  await journal.post('default', PATH, change(put('a', 1, { label: 'scratch' })))
  const [one] = await journal.conflicts('default', PATH)
  expect([one!.conflict!.theirs, one!.body.operations![0]!.label, journal.pending]).toEqual([theirs, 'scratch', 0])
  await journal.settle(one!)
  expect(await journal.conflicts('default', PATH)).toEqual([])
})

test('after a conflict the choice expects what stands, and a second conflict on the object takes the place of the first', async () => {
  const clash = (revision: number): Answer => ({ objects: [], conflicts: [{ object: 'a', expected_revision: 1, revision, theirs: null }] })
  const { sent, hooks } = server([{ objects: [{ id: 'a', revision: 1 }], conflicts: [] }, clash(5), clash(6)])
  const journal = new Journal(memory(), hooks, 'page')
  for (const expected of [0, 1, 1]) await journal.post('default', PATH, change(put('a', expected)))
  expect((await journal.conflicts('default')).map((one) => one.conflict!.revision)).toEqual([6])
  await journal.post('default', PATH, change(put('a', 6)))
  expect(sent.at(-1)!.body.operations![0]!.expected_revision).toBe(6)
})

test('what the server refuses for good is told, and the rest goes on', async () => {
  const { sent, hooks } = server([failure(422, false)])
  const refused: string[] = []
  const journal = new Journal(memory(), { ...hooks, refused: (entries, error) => void refused.push(`${entries.length} ${error.message}`) }, 'page')
  const first = journal.post('default', '/api/v1/queue/items/itm_1/answer', { verb: 'accept' })
  await expect(first).rejects.toThrow('no')
  await journal.post('default', '/api/v1/queue/undo', {})
  expect([refused, sent.length]).toEqual([['1 no'], 2])
})

test('steps that cancel out before they were sent are no operations', () => {
  expect(condensed([put('a'), { op: 'remove', object: 'a', expected_revision: 0 }])).toEqual([])
  expect(condensed([{ op: 'remove', object: 'sug_1', expected_revision: 0 }, { op: 'restore', object: 'sug_1', expected_revision: 0 }])).toEqual([])
  expect(condensed([{ op: 'restore', object: 'sug_1', expected_revision: 0 }])).toHaveLength(1)
  expect(condensed([put('a', 3, { duration_s: 1 }), put('b', 0), put('a', 3, { duration_s: 2, label: 'dent' })])).toEqual([put('b', 0), put('a', 3, { duration_s: 3, label: 'dent' })])
  expect(condensed([put('a', 3), { op: 'remove', object: 'a', expected_revision: 3 }])).toEqual([{ op: 'remove', object: 'a', expected_revision: 3, duration_s: 0 }])
})
