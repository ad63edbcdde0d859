import { expect, test } from 'vitest'
import type { Item } from './data'
import { Line } from './line'

const item = (id: string): Item => ({ id, campaign: 'cmp_1', sample: `smp_${id}`, purpose: 'seed', blind: true, suggestion: '', score: 0, state: 'open', verb: '', label: '', leased_until: null })
const soon = (): Promise<void> => new Promise((done) => setTimeout(done))

/** A server with questions, whose answers to what is posted come when `arrive` is called. */
function bench(ids: string[]) {
  const waits: (() => void)[] = []
  const taken: string[] = []
  const undos: { undo: () => void | Promise<void> }[] = []
  const open = new Set(ids)
  const server = { next: async () => [...open].map(item)[0] ?? null, open: async () => [...open].map(item) }
  const journal = {
    pending: 0,
    post: async (_: string, path: string) => {
      journal.pending += 1
      await new Promise<void>((done) => waits.push(done))
      journal.pending -= 1
      const id = path.split('/').at(-2)!
      if (path.endsWith('undo')) return open.add(taken.pop()!), {}
      if (!open.delete(id)) throw new Error('Answered already.')
      taken.push(id)
      return {}
    },
    drained: async () => {
      while (journal.pending) await soon()
    },
  }
  const line = new Line('default', 'cmp_1', journal, server, (one) => void undos.push(one))
  const arrive = async (): Promise<void> => (waits.shift()!(), soon())
  const press = (): void => (line.shown(), line.answer('fix', 'ok'))
  return { line, arrive, press, undos, open, server }
}

test('the next question shows before the answer has arrived', async () => {
  const { line, press } = bench(['a', 'b', 'c'])
  await line.fetch()
  press()
  expect([line.state.item!.id, line.state.waiting]).toEqual(['b', false])
})

test('a page begins with a question only once all that was done before is with the server', async () => {
  const { line, press, arrive, server } = bench(['a', 'b'])
  await line.fetch()
  press()
  const next = new Line('default', 'cmp_1', { pending: 1, post: async () => ({}), drained: arrive }, server, () => {})
  await next.fetch()
  expect(next.state.item!.id).toBe('b')
})

test('a question that was answered while the next one was asked for does not come back', async () => {
  const { line, press, arrive, server } = bench(['a', 'b', 'c'])
  await line.fetch()
  let late = (_: Item): void => {}
  server.next = () => new Promise((done) => (late = done))
  void line.fetch()
  await soon()
  press()
  late(item('a'))
  await soon()
  expect(line.state.item!.id).toBe('b')
  await arrive()
})

test('what was undone is asked again, and what was on the screen comes after it', async () => {
  const { line, press, arrive, undos } = bench(['a', 'b', 'c'])
  await line.fetch()
  press()
  void undos[0]!.undo()
  await arrive()
  await arrive()
  expect([line.state.item!.id, line.state.upcoming.map((one) => one.id), line.state.given]).toEqual(['a', ['b', 'c'], []])
})
