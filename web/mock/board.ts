/** What the mock tells a supervisor: some seats, their calls and orders, news; and what he did. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Seat } from '../src/seat/protocol'
import { FULL, PLAIN } from './visits'

const ago = (s: number) => new Date(Date.now() - s * 1000).toISOString()

function seat(id: string, state: Seat['state'], since: number, change: Partial<Seat> = {}): Seat {
  return {
    id, state, since: ago(since), until: null, reason: null, visit: null, call: null, next: null,
    phone: { kind: 'browser' }, connected: state !== 'signed_out', registered: null, ...change,
  }
}

interface MockCall {
  id: string
  visit_id: string
  order_no: string
  to: string
  answered_at: string | null
}

const ORDERS = { FW20251122001: FULL.order, FW20251122002: PLAIN.order, FW20251122003: { ...PLAIN.order, customer: { name: '赵铁柱', title: '先生', phone: '+8613700001111' } } }

export class MockBoard {
  seats: Seat[] = [
    seat('anna', 'in_call', 152, { visit: FULL.visit, call: 'c-anna' }),
    seat('chen', 'in_call', 200, { visit: PLAIN.visit, call: 'c-chen', phone: { kind: 'registered' }, registered: true, next: 'break' }),
    seat('dong', 'reserved', 8, { visit: '0199-visit-look' }),
    seat('fang', 'wrap_up', 31, { visit: FULL.visit, call: 'c-old' }),
    seat('gao', 'break', 620, { reason: '用餐' }),
    seat('hua', 'available', 75),
    seat('jin', 'available', 12, { phone: { kind: 'registered' }, registered: false }),
    seat('kong', 'signed_out', 7200),
  ]
  /** With whole numbers, as the server sends them to a supervisor. */
  calls: MockCall[] = [
    { id: 'c-anna', visit_id: FULL.visit, order_no: 'FW20251122001', to: '+8613812345678', answered_at: ago(152) },
    { id: 'c-chen', visit_id: PLAIN.visit, order_no: 'FW20251122002', to: '+8613900010087', answered_at: ago(200) },
  ]
  floor = 2
  /** What a supervisor asked for: method, path, body. */
  readonly acts: string[] = []
  /** The next act is refused with this sentence. */
  refusal: string | null = null
  /** Everything but the session answers 503. */
  down = false
  private readonly listeners = new Set<ServerResponse>()

  /** True when it was a request of the board. */
  async answer(req: IncomingMessage, res: ServerResponse): Promise<boolean> {
    const path = new URL(req.url ?? '/', 'http://mock').pathname.replace('/api/v1', '')
    const reply = (status: number, body?: unknown) => {
      res.writeHead(status, { 'Content-Type': status < 400 ? 'application/json' : 'application/problem+json' })
      res.end(body === undefined ? '' : JSON.stringify(body))
      return true
    }
    const problem = (status: number, kind: string, detail: string) => reply(status, { type: `urn:huifang:problem:${kind}`, title: kind, status, detail })
    if (!/^\/(seats|calls|orders|visits|events)\b/.test(path)) return false
    if (this.down) return problem(503, 'unavailable', 'down')
    if (req.method === 'GET') {
      if (path === '/events') {
        res.writeHead(200, { 'Content-Type': 'text/event-stream' })
        res.write(': hello\n\n')
        this.listeners.add(res)
        res.on('close', () => this.listeners.delete(res))
        return true
      }
      if (path === '/seats') return reply(200, { items: this.seats, reserve_idle_seats: this.floor })
      if (path === '/calls') return reply(200, { items: this.calls, next: null })
      if (path.startsWith('/visits/')) return reply(200, { id: path.slice(8), order_no: 'FW20251122003' })
      const order = ORDERS[path.slice('/orders/'.length) as keyof typeof ORDERS]
      return order === undefined ? problem(404, 'not-found', 'no such order') : reply(200, order)
    }
    const parts: Buffer[] = []
    for await (const part of req) parts.push(part as Buffer)
    this.acts.push([req.method, path, Buffer.concat(parts).toString()].filter(Boolean).join(' '))
    if (this.refusal !== null) {
      const detail = this.refusal
      this.refusal = null
      return problem(409, 'conflict', detail)
    }
    return path.endsWith('/release') ? reply(200, {}) : reply(204)
  }

  /** A seat is in another state, and everybody hears of it. */
  change(id: string, change: Partial<Seat>): void {
    this.seats = this.seats.map((one) => (one.id === id ? { ...one, since: ago(0), ...change } : one))
    this.news('seat_changed')
  }

  news(name: string): void {
    for (const listener of this.listeners) listener.write(`id: 1\nevent: ${name}\ndata: {}\n\n`)
  }

  /** Streams end, as when the server stops. */
  close(): void {
    this.listeners.forEach((listener) => listener.end())
  }
}
