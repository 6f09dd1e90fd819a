import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import type { ServerMessage } from './protocol'
import type { Verdict } from './connection'
import { SeatConnection } from './connection'

/** The browser's side of a socket, moved by hand. */
class FakeSocket {
  static readonly OPEN = 1
  static all: FakeSocket[] = []
  readyState = 0
  sent: { type: string; id?: string }[] = []
  onopen: (() => void) | null = null
  onmessage: ((event: { data: unknown }) => void) | null = null
  onclose: (() => void) | null = null

  constructor(
    readonly url: string,
    readonly protocols: string[],
  ) {
    FakeSocket.all.push(this)
  }

  send(text: string) {
    this.sent.push(JSON.parse(text) as { type: string; id?: string })
  }

  close() {
    this.readyState = 3
  }

  opens() {
    this.readyState = FakeSocket.OPEN
    this.onopen?.()
  }

  says(message: object) {
    this.onmessage?.({ data: JSON.stringify(message) })
  }

  breaks() {
    this.readyState = 3
    this.onclose?.()
  }
}

const WELCOME = { type: 'welcome', seat: {}, lease_s: 12, wrap_up_s: 45, ice_servers: [], call: null }
let links: string[]
let messages: ServerMessage[]
let verdict: Verdict
let noSession: number

function connection() {
  return new SeatConnection(
    'hf_1',
    {
      onMessage: (message) => messages.push(message),
      onLink: (link) => links.push(link),
      mayConnect: () => Promise.resolve(verdict),
      onNoSession: () => noSession++,
    },
    'ws://seat',
  )
}

const last = () => FakeSocket.all[FakeSocket.all.length - 1]!

beforeEach(() => {
  vi.useFakeTimers()
  vi.stubGlobal('WebSocket', FakeSocket)
  FakeSocket.all = []
  links = []
  messages = []
  verdict = 'later'
  noSession = 0
})
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

it('the token travels as a sub-protocol', () => {
  connection().open()
  expect(last().protocols).toEqual(['huifang.seat.v1', 'bearer.hf_1'])
})

it('a request is answered by the message with its id', async () => {
  const seat = connection()
  seat.open()
  last().opens()
  const first = seat.request({ type: 'sign_in' })
  const second = seat.request({ type: 'start' })
  const [one, two] = last().sent.map((message) => message.id)
  last().says({ type: 'error', id: two, code: 'redial_guard', message: '早', at: '2026-11-22T11:00:00+08:00' })
  last().says({ type: 'done', id: one })
  await expect(first).resolves.toBeUndefined()
  await expect(second).rejects.toMatchObject({ code: 'redial_guard', at: '2026-11-22T11:00:00+08:00' })
})

it('a request that nobody answers fails after ten seconds, and one without a connection at once', async () => {
  const seat = connection()
  await expect(seat.request({ type: 'sign_in' })).rejects.toMatchObject({ code: 'not_connected' })
  seat.open()
  last().opens()
  const lost = expect(seat.request({ type: 'sign_in' })).rejects.toMatchObject({ code: 'no_answer' })
  await vi.advanceTimersByTimeAsync(10_000)
  await lost
})

it('pings three times a lease, and gives up a connection that is silent for a whole one', async () => {
  connection().open()
  const socket = last()
  socket.opens()
  socket.says(WELCOME)
  await vi.advanceTimersByTimeAsync(12_000)
  expect(socket.sent.filter(({ type }) => type === 'ping')).toHaveLength(3)
  await vi.advanceTimersByTimeAsync(8_300)
  expect(links).toEqual(['connecting', 'lost', 'connecting'])
})

it('a lost connection is made again, slower each time, and what was asked has failed', async () => {
  const seat = connection()
  seat.open()
  last().opens()
  last().says(WELCOME)
  const asked = expect(seat.request({ type: 'hang_up' })).rejects.toMatchObject({ code: 'not_connected' })
  last().breaks()
  await asked
  await vi.advanceTimersByTimeAsync(250)
  expect(FakeSocket.all).toHaveLength(2)
  last().breaks()
  await vi.advanceTimersByTimeAsync(250)
  expect(FakeSocket.all).toHaveLength(2)
  await vi.advanceTimersByTimeAsync(250)
  expect(FakeSocket.all).toHaveLength(3)
})

it('a seat that was replaced does not fight for it', async () => {
  connection().open()
  last().opens()
  last().says({ type: 'replaced' })
  last().breaks()
  await vi.advanceTimersByTimeAsync(60_000)
  expect(FakeSocket.all).toHaveLength(1)
  expect(messages).toEqual([{ type: 'replaced' }])
})

it('a handshake that is refused ends the session, or the seat, or is tried again', async () => {
  const check = async (answer: Verdict, wanted: string[], ended: number) => {
    verdict = answer
    links = []
    noSession = 0
    const seat = connection()
    seat.open()
    last().breaks()
    await vi.advanceTimersByTimeAsync(100)
    expect([links, noSession], answer).toEqual([wanted, ended])
    seat.close()
  }
  await check('later', ['connecting', 'lost'], 0)
  await check('no_seat', ['connecting', 'refused'], 0)
  await check('no_session', ['connecting'], 1)
})
