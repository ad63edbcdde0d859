import { useQueryClient } from '@tanstack/react-query'
import { useParams } from '@tanstack/react-router'
import { useCallback, useEffect, useMemo, useRef, useState, type RefObject } from 'react'
import { drafts, journal, onAnswer } from '@/canvas/keeping'
import { useSession } from '@/shell/session'
import { undo } from '@/shell/undo'
import { numbered, objectsPath, workOn, type Work } from './bench-of'
import { got, posted, type ReviewItem, type SampleObjects } from './data'
import { pictureOrPlan } from './from-above'
import { picture } from './pictures'

type Found = { item: ReviewItem | null; upcoming: ReviewItem[] }
type Given = { verb: string; duration_s: number; item: { suggestion: string } }
type State = { waiting: boolean; over: boolean; error: unknown }
type ObjectLine = { work: Work | null; now: RefObject<Work | null>; state: State; given: Given[]; send: (body: Record<string, unknown> & { verb: string }, said: string) => void; next: (after?: string) => Promise<void> }

/**
 * The images of a queue, one after the other. What comes next is fetched while one is looked at, with what stands on it,
 * and shows at once; the server says afterwards whether it is still free, and else another one takes its place.
 */
export function useObjectLine(queue: string, may: boolean, cuboids: boolean): ObjectLine {
  const { workspace } = useParams({ from: '/w/$workspace' })
  const cache = useQueryClient()
  const { actor } = useSession()
  const [work, setWork] = useState<Work | null>(null)
  const [state, setState] = useState<State>({ waiting: true, over: false, error: null })
  const [given, setGiven] = useState<Given[]>([])
  const turn = useRef(0)
  const now = useRef<Work | null>(null)
  const ahead = useRef<ReviewItem[]>([])
  const ready = useMemo(() => new Map<string, Promise<Work>>(), [])
  now.current = work

  const bench = useCallback(
    async (item: ReviewItem, before?: Work): Promise<Work> => {
      const live = !item.blind && item.kind === 'label'
      const truth = live ? got<SampleObjects>(`/samples/${item.sample}/objects?schema=${encodeURIComponent(item.schema)}`) : null
      return workOn(workspace, actor, item, await (cuboids ? pictureOrPlan : picture)(item.sample), await truth, before)
    },
    [workspace, actor, cuboids],
  )

  /** Begins to fetch what comes next; what was fetched and comes no more is forgotten. */
  const expectSoon = useCallback(
    (items: ReviewItem[]) => {
      ahead.current = items
      for (const id of ready.keys()) if (!items.some((one) => one.id === id)) ready.delete(id)
      for (const one of items) {
        if (ready.has(one.id)) continue
        const made = bench(one)
        ready.set(one.id, made)
        made.catch(() => ready.delete(one.id))
      }
    },
    [bench, ready],
  )

  /** Shows an item once its picture and what stands on it are here; the one before stays in sight until then. */
  const show = useCallback(
    async (find: () => Promise<Found>, before?: Work) => {
      const mine = ++turn.current
      setState((old) => ({ ...old, waiting: true, error: null }))
      try {
        const { item, upcoming } = await find()
        if (mine !== turn.current) return
        if (!item) return setWork(null), setState({ waiting: false, over: true, error: null })
        const next = await (before ? bench(item, before) : (ready.get(item.id) ?? bench(item)))
        if (mine !== turn.current) return
        next.shownAt = performance.now()
        setWork(next)
        setState({ waiting: false, over: false, error: null })
        expectSoon(upcoming)
      } catch (error) {
        if (mine === turn.current) setState({ waiting: false, over: false, error })
      }
    },
    [bench, expectSoon, ready],
  )
  const ask = useCallback((after: string) => posted<Found>(`/review-queues/${queue}/next`, { after }), [queue])
  const next = useCallback((after = '') => show(async () => (await journal.drained(), ask(after))), [ask, show])

  useEffect(() => {
    if (may) void next()
    return () => void turn.current++
  }, [next, may])

  useEffect(
    () =>
      onAnswer((entries, answer) => {
        if (now.current && entries[0]!.path === objectsPath(now.current.item.sample)) numbered(now.current, answer.objects ?? [])
      }),
    [],
  )

  /** Once all is sent: the image on the screen becomes the caller's, or another one takes its place. */
  const confirm = useCallback(
    async (after: string) => {
      const mine = turn.current
      if (journal.pending) return
      const found = await ask(after).catch(() => null)
      const shown = now.current
      if (!found || mine !== turn.current || !shown) return
      if (shown.touched || (found.item?.id === shown.item.id && found.item.revision <= shown.revision)) return expectSoon(found.upcoming.filter((one) => one.id !== shown.item.id))
      ready.clear()
      void show(async () => found)
    },
    [ask, expectSoon, ready, show],
  )

  const send = useCallback(
    (body: Record<string, unknown> & { verb: string }, said: string) => {
      const done = now.current
      if (!done || state.waiting) return
      const duration_s = Math.round(performance.now() - done.shownAt) / 1000
      const answer = journal.post(workspace, `/api/v1/review-items/${done.item.id}/answer`, { duration_s, ...body })
      setGiven((old) => [...old, { verb: body.verb, duration_s, item: { suggestion: '' } }])
      undo.done({
        label: said,
        undo: async () => {
          const upcoming = now.current ? [now.current.item, ...ahead.current] : ahead.current
          if (now.current) ready.set(now.current.item.id, Promise.resolve(now.current))
          await journal.post(workspace, `/api/v1/review-items/${done.item.id}/undo`, {})
          setGiven((old) => old.slice(0, -1))
          await show(async () => ({ item: await got<ReviewItem>(`/review-items/${done.item.id}`), upcoming }), done)
        },
      }, true)
      const [soon, ...rest] = ahead.current
      if (soon) void show(async () => ({ item: soon, upcoming: rest }))
      else void show(async () => (await answer.catch(() => {}), ask(done.item.id)))
      void answer.then(
        () => {
          void drafts.drop(done.item.id)
          void cache.invalidateQueries({ queryKey: [workspace, 'review-queues'] })
          if (soon) void confirm(done.item.id)
        },
        () => soon && void next(),
      )
    },
    [workspace, state.waiting, cache, ready, show, ask, confirm, next],
  )
  return { work, now, state, given, send, next }
}
