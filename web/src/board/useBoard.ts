/**
 * The board as it is now: read when the server has news, and at intervals in case it has not; and what a supervisor does.
 *
 * The supervisor's voice is the seat's own (`useSeat`): it is asked for with the first act that needs it, and given back with the last.
 */
import { computed, ref, shallowRef, watch as follow } from 'vue'
import { listen } from '../api/events'
import { HttpError, request } from '../api/http'
import { forget } from '../api/session'
import type { Seat } from '../seat/protocol'
import { useSeat } from '../seat/useSeat'
import type { Act, Customer, LiveCall, Mode, Row, Watch } from './board'
import { rows, stillThere } from './board'

/** News come in bursts: they are read together. */
const GATHER_MS = 150
/** A telephone that registers is no news. */
const EVERY_MS = 10_000
/** Microphone, offer, answer, path. */
const VOICE_MS = 12_000
/** What is remembered of orders: more than there are seats. */
const ORDERS_MAX = 500

export type Trouble = { kind: 'server' | 'voice'; detail: string }

export function useBoard(token: string, me: string) {
  const seats = shallowRef<Seat[] | null>(null)
  const calls = shallowRef<LiveCall[]>([])
  const floor = ref(0)
  const orders = shallowRef<ReadonlyMap<string, Customer>>(new Map())
  const visits = shallowRef<ReadonlyMap<string, string>>(new Map())
  /** Whether the last reading succeeded. */
  const reachable = ref(true)
  const live = ref(false)
  const watch = shallowRef<Watch | null>(null)
  const busy = ref<Act | null>(null)
  const trouble = shallowRef<Trouble | null>(null)
  const seat = useSeat()
  let gathering: ReturnType<typeof setTimeout> | undefined

  const get = <T>(path: string) => request<T>('GET', path, token)

  async function read(): Promise<void> {
    clearTimeout(gathering)
    gathering = undefined
    try {
      const [list, up] = await Promise.all([
        get<{ items: Seat[]; reserve_idle_seats: number }>('/seats'),
        get<{ items: LiveCall[] }>('/calls?in_progress=true&limit=200'),
      ])
      seats.value = list.items
      floor.value = list.reserve_idle_seats
      calls.value = up.items
      reachable.value = true
      if (watch.value !== null && !stillThere(watch.value, list.items)) dropWatch()
      await readOrders()
    } catch (error) {
      reachable.value = false
      if (error instanceof HttpError && error.status === 401) forget()
    }
  }

  /** Orders do not change under a call: each is read once. */
  async function readOrders(): Promise<void> {
    const looking = (seats.value ?? []).filter((one) => one.visit !== null && !calls.value.some(({ id }) => id === one.call))
    for (const { visit } of looking) {
      if (visit === null || visits.value.has(visit)) continue
      const found = await get<{ order_no: string }>(`/visits/${visit}`)
      visits.value = new Map([...visits.value, [visit, found.order_no] as const].slice(-ORDERS_MAX))
    }
    const wanted = [...calls.value.map(({ order_no }) => order_no), ...looking.map(({ visit }) => visits.value.get(visit ?? ''))]
    for (const no of wanted) {
      if (no === undefined || orders.value.has(no)) continue
      const found = await get<{ customer: Customer }>(`/orders/${encodeURIComponent(no)}`)
      orders.value = new Map([...orders.value, [no, found.customer] as const].slice(-ORDERS_MAX))
    }
  }

  function soon(): void {
    gathering ??= setTimeout(() => void read(), GATHER_MS)
  }

  function dropWatch(): void {
    watch.value = null
    seat.wantLine(false)
  }

  /** A line of one's own, up at both ends. */
  async function voice(): Promise<boolean> {
    seat.wantLine(true)
    const up = () => seat.voice.value === 'connected' && seat.state.value.media === 'connected'
    if (up()) return true
    return new Promise((resolve) => {
      const settle = (found: boolean) => {
        clearTimeout(timer)
        stop()
        resolve(found)
      }
      const stop = follow([seat.voice, () => seat.state.value.media], () => up() && settle(true))
      const timer = setTimeout(() => settle(false), VOICE_MS)
    })
  }

  /** Does it, one thing at a time; what went wrong is shown. True when it was done. */
  async function act(which: Act, work: () => Promise<void>): Promise<boolean> {
    if (busy.value !== null) return false
    busy.value = which
    trouble.value = null
    try {
      await work()
      return true
    } catch (error) {
      trouble.value = error instanceof NoVoice ? { kind: 'voice', detail: '' } : { kind: 'server', detail: error instanceof Error ? error.message : String(error) }
      return false
    } finally {
      busy.value = null
      soon()
    }
  }

  const post = (path: string, body?: unknown) => request<void>('POST', path, token, body)

  async function withVoice(): Promise<void> {
    if (await voice()) return
    if (watch.value === null) seat.wantLine(false)
    throw new NoVoice()
  }

  function supervise({ seat: { id, call } }: Row, mode: Mode): Promise<boolean> {
    return act(mode, async () => {
      if (call === null) return
      await withVoice()
      // One call at a time: the other would only see the line go.
      if (watch.value !== null && watch.value.call !== call) await request('DELETE', `/calls/${watch.value.call}/supervise`, token).catch(() => undefined)
      await post(`/calls/${call}/supervise`, { mode })
      watch.value = { call, seat: id, mode }
    })
  }

  function leave(): Promise<boolean> {
    return act('leave', async () => {
      const left = watch.value
      if (left === null) return
      dropWatch()
      await request('DELETE', `/calls/${left.call}/supervise`, token)
    })
  }

  function takeOver({ seat: { call } }: Row): Promise<boolean> {
    return act('takeOver', async () => {
      await withVoice()
      await post(`/calls/${call}/take_over`)
      // The line is the agent's now: it is not given back.
      watch.value = null
    })
  }

  const end = ({ seat: { call } }: Row, reason: string) => act('end', () => post(`/calls/${call}/end`, { reason }))
  const release = ({ seat: { id } }: Row) => act('release', () => post(`/seats/${encodeURIComponent(id)}/release`))

  // A line that broke and is up again is put back where it was: the server has another by then.
  const again = follow(
    () => seat.state.value.media,
    (now, before) => {
      const { value } = watch
      if (now === 'connected' && before !== 'connected' && value !== null && busy.value === null) {
        void post(`/calls/${value.call}/supervise`, { mode: value.mode }).catch(() => dropWatch())
      }
    },
  )

  let deaf: (() => void) | undefined
  let ticker: ReturnType<typeof setInterval> | undefined

  function begin(): void {
    seat.begin(token)
    deaf = listen(token, soon, (up) => (live.value = up))
    ticker = setInterval(soon, EVERY_MS)
    void read()
  }

  function close(): void {
    again()
    deaf?.()
    clearInterval(ticker)
    clearTimeout(gathering)
    if (watch.value !== null) void leave()
    seat.end()
  }

  return {
    rows: computed(() => (seats.value === null ? null : rows({ seats: seats.value, calls: calls.value, visits: visits.value, orders: orders.value }))),
    seats: computed(() => seats.value ?? []),
    floor, reachable, live, watch, busy, trouble, me,
    read, begin, close, supervise, leave, takeOver, end, release,
  }
}

class NoVoice extends Error {}
