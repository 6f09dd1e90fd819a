/**
 * A small stand-in for huifang, for development and for the tests of the pages: sign-in, one seat, and its calls, as docs/seats.md
 * has them; who signs in as `boss` is a supervisor, and has a board (`board`), as `qian` a reviewer, and has calls (`review`) and what grows of them (`quality`). It carries no voice: an offer is answered by `answerOffer`, which the tests lend.
 *
 * With `plays` it behaves by itself: every visit comes a moment after the seat is available, previews and progressive calls in
 * turn. Without, it does what a test tells it.
 */
import { readFile } from 'node:fs/promises'
import type { EventEmitter } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { extname, join, normalize } from 'node:path'
import type { Duplex } from 'node:stream'
import type { WebSocket } from 'ws'
import { WebSocketServer } from 'ws'
import type { Call, CallPhase, ClientMessage, Live, Seat, ServerMessage } from '../src/seat/protocol'
import { MockBoard } from './board'
import { MockQuality } from './quality'
import { MockReview } from './review'
import { TALK } from './talk'
import { FULL, PLAIN } from './visits'

/** The policy of src/http/web.rs, so that what it forbids fails here too. */
export const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; media-src 'self' blob: mediastream:; " +
  "connect-src 'self' ws: wss:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
}
const RING_MS = 1500
const REST_MS = 2500

type Request = ClientMessage & { id?: string }
type Refusal = { code: string; message: string; at?: string }

interface Middlewares {
  use(handler: (req: IncomingMessage, res: ServerResponse, next: () => void) => void): unknown
}

export interface MockOptions {
  plays?: boolean
  leaseS?: number
  wrapUpS?: number
}

export class MockServer {
  /** What the page sent, pings and candidates left out. */
  readonly received: Request[] = []
  seat: Seat = newSeat()
  readonly board = new MockBoard()
  readonly review = new MockReview()
  readonly quality = new MockQuality()
  call: Call | null = null
  live: Live | null = null
  /** Until then `start` is refused. */
  redialGuard: string | null = null
  answerOffer: ((sdp: string) => Promise<string>) | null = null
  /** As if the server could not be reached: handshakes are refused. */
  unreachable = false
  private socket: WebSocket | null = null
  private readonly sockets = new WebSocketServer({ noServer: true, handleProtocols: () => 'huifang.seat.v1' })
  private readonly tokens = new Set<string>()
  private timers: ReturnType<typeof setTimeout>[] = []
  private turns = 0

  constructor(private readonly options: MockOptions = {}) {}

  /** Answers `/api/v1` of a server that has pages of its own. */
  attach(server: EventEmitter, middlewares: Middlewares): void {
    middlewares.use((req, res, next) => (req.url?.startsWith('/api/v1/') ? void this.answer(req, res) : next()))
    server.on('upgrade', (req: IncomingMessage, socket: Duplex, head: Buffer) => {
      if (!req.url?.startsWith('/api/v1/seat')) return
      if (this.unreachable || !this.mayEnter(req)) return void socket.destroy()
      this.sockets.handleUpgrade(req, socket, head, (taken) => this.welcome(taken))
    })
  }

  /** Serves the built page too, on a free port of the loopback. */
  async listen(dist: string): Promise<{ url: string; close(): Promise<void> }> {
    const server = createServer()
    this.attach(server, { use: (handler) => server.on('request', (req, res) => handler(req, res, () => void page(dist, req, res))) })
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
    const { port } = server.address() as AddressInfo
    return {
      url: `http://127.0.0.1:${port}/`,
      close: async () => {
        this.timers.forEach(clearTimeout)
        this.board.close()
        this.sockets.clients.forEach((client) => client.terminate())
        server.closeAllConnections()
        await new Promise((done) => server.close(done))
      },
    }
  }

  /** The network of the page breaks. */
  drop(): void {
    this.socket?.terminate()
  }

  /** A seat is reserved, and the agent is shown the order. */
  preview(visit = FULL): void {
    this.begin('preview', visit)
  }

  /** A seat is reserved, and the customer is being dialled. */
  progressive(visit = PLAIN): void {
    this.begin('dialing', visit)
  }

  phase(phase: CallPhase, change: Partial<Call> = {}): void {
    if (this.call === null) return
    this.call = { ...this.call, phase, phase_since: new Date().toISOString(), ...(phase === 'preview' ? {} : { call: 'call-1' }), ...change }
    if (phase === 'answered') this.become('in_call')
    this.tell({ type: 'call', call: this.call })
  }

  /** What is said on the call, so far. */
  says(live: Live): void {
    this.live = live
    this.tell({ type: 'live', live })
  }

  /** The line is gone: the wrap-up begins. */
  end(hungUpBy: string, outcome = 'answered'): void {
    this.become('wrap_up', { until: new Date(Date.now() + this.wrapUpS * 1000).toISOString() })
    this.phase('ended', { hung_up_by: hungUpBy, outcome })
  }

  tell(message: ServerMessage): void {
    this.socket?.send(JSON.stringify(message))
  }

  become(state: Seat['state'], change: Partial<Seat> = {}): void {
    const call = state === 'available' || state === 'break' || state === 'signed_out' ? null : this.call
    this.call = call
    if (call === null) this.live = null
    this.seat = { ...this.seat, state, since: new Date().toISOString(), until: null, reason: null, visit: call?.visit ?? null, ...change }
    this.tell({ type: 'seat', seat: this.seat })
    if (call === null) this.tell({ type: 'call', call: null })
    if (this.options.plays && state === 'available') this.later(REST_MS, () => (this.turns++ % 2 === 0 ? this.preview() : this.dialled()))
  }

  private get wrapUpS(): number {
    return this.options.wrapUpS ?? 60
  }

  private begin(phase: CallPhase, visit: typeof FULL): void {
    const since = new Date().toISOString()
    this.call = {
      ...visit, phase, phase_since: since, call: null, muted: false, held: false, end: null, note: '', outcome: null, hung_up_by: null,
    }
    this.become('reserved')
    this.tell({ type: 'call', call: this.call })
  }

  private dialled(): void {
    this.progressive()
    this.rings()
  }

  private rings(): void {
    this.later(RING_MS, () => this.phase('ringing'))
    this.later(2 * RING_MS, () => this.phase('answered'))
    TALK.forEach((live, n) => this.later((n + 3) * RING_MS, () => this.call?.phase === 'answered' && this.says(live)))
  }

  private later(ms: number, what: () => void): void {
    this.timers.push(setTimeout(what, ms))
  }

  private mayEnter(req: IncomingMessage): boolean {
    const protocols = (req.headers['sec-websocket-protocol'] ?? '').split(',').map((one) => one.trim())
    return protocols.includes('huifang.seat.v1') && protocols.some((one) => this.tokens.has(one.replace(/^bearer\./, '')))
  }

  private welcome(socket: WebSocket): void {
    const older = this.socket
    this.socket = socket
    older?.send(JSON.stringify({ type: 'replaced' } satisfies ServerMessage))
    older?.close()
    socket.on('message', (data) => this.take(JSON.parse(String(data)) as Request))
    const now = new Date().toISOString()
    this.tell({
      type: 'welcome', seat: this.seat, lease_s: this.options.leaseS ?? 30, wrap_up_s: this.wrapUpS, ice_servers: [], call: this.call, live: this.live, now,
    })
  }

  private take(message: Request): void {
    if (message.type !== 'ping' && message.type !== 'candidate') this.received.push(message)
    const refusal = this.act(message)
    if (message.id === undefined) return
    this.tell(refusal === null ? { type: 'done', id: message.id } : { type: 'error', id: message.id, ...refusal })
  }

  private act(message: Request): Refusal | null {
    const wrong: Refusal = { code: 'wrong_state', message: `现在是 ${this.seat.state}` }
    const { call } = this
    const busy = this.seat.state === 'in_call' || this.seat.state === 'wrap_up' || this.seat.state === 'reserved'
    switch (message.type) {
      case 'ping':
      case 'candidate':
      case 'step':
      case 'keys':
        return null
      case 'sign_in':
        if (this.seat.state !== 'signed_out') return wrong
        this.become('available')
        return null
      case 'available':
        this.become('available')
        return null
      case 'break':
        if (busy) this.change({ next: 'break', reason: message.reason })
        else this.become('break', { reason: message.reason })
        return null
      case 'sign_out':
        if (busy) this.change({ next: 'signed_out' })
        else this.become('signed_out')
        return null
      case 'offer':
        void this.answerOffer?.(message.sdp).then((sdp) => {
          this.tell({ type: 'answer', sdp })
          this.tell({ type: 'media', state: 'connected' })
        })
        return null
      case 'start':
        if (call?.phase !== 'preview') return wrong
        if (this.redialGuard !== null) return { code: 'redial_guard', message: '客户刚挂断', at: this.redialGuard }
        this.phase('dialing')
        if (this.options.plays) this.rings()
        return null
      case 'decline':
        if (call?.phase !== 'preview') return wrong
        this.become('available')
        return null
      case 'mute':
        this.phase('answered', { muted: message.on, phase_since: call?.phase_since ?? '' })
        return null
      case 'hold':
        this.phase('answered', { held: message.on, phase_since: call?.phase_since ?? '' })
        return null
      case 'hang_up':
        if (call?.phase === 'answered') this.end('us')
        else this.become('available')
        return null
      case 'result':
        if (call === null) return wrong
        this.call = { ...call, end: message.end, note: message.note ?? call.note }
        this.tell({ type: 'call', call: this.call })
        return null
      case 'note':
        if (call === null) return wrong
        this.call = { ...call, note: message.text }
        return null
      case 'wrapped_up':
        if (this.seat.state !== 'wrap_up') return wrong
        if (this.seat.next === 'break') this.become('break', { next: null, reason: this.seat.reason })
        else this.become(this.seat.next ?? 'available', { next: null })
        return null
    }
  }

  private change(change: Partial<Seat>): void {
    this.seat = { ...this.seat, ...change }
    this.tell({ type: 'seat', seat: this.seat })
  }

  private async answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const reply = (status: number, body?: unknown) => {
      res.writeHead(status, { 'Content-Type': status < 400 ? 'application/json' : 'application/problem+json' })
      res.end(body === undefined ? '' : JSON.stringify(body))
    }
    const refused = (status: number, kind: string, detail: string) => reply(status, { type: `urn:huifang:problem:${kind}`, title: kind, status, detail })
    const token = req.headers.authorization?.replace('Bearer ', '') ?? ''
    if (req.url !== '/api/v1/session') {
      if (await this.review.answer(req, res, this.tokens.has(token) ? (token.split('_')[1] ?? '') : null)) return
      if (!this.tokens.has(token)) return refused(401, 'unauthenticated', 'no such token')
      const who = token.split('_')[1] ?? ''
      if (await this.quality.answer(req, res, who, role(who) !== 'agent')) return
      if (await this.board.answer(req, res)) return
      return refused(404, 'not-found', 'no such path')
    }
    if (req.method === 'POST') {
      const parts: Buffer[] = []
      for await (const part of req) parts.push(part as Buffer)
      const { name, password } = JSON.parse(Buffer.concat(parts).toString()) as Record<string, string>
      if (password !== 'secret') return refused(401, 'unauthenticated', 'wrong name or password')
      const issued = `hf_${name}_${this.tokens.size}`
      this.tokens.add(issued)
      return reply(201, { token: issued, name, role: role(name ?? ''), expires_at: '2099-01-01T00:00:00+08:00' })
    }
    if (!this.tokens.has(token)) return refused(401, 'unauthenticated', 'no such token')
    if (req.method === 'GET') return reply(200, { name: 'li', role: role(token.split('_')[1] ?? ''), sees_phones: false })
    this.tokens.delete(token)
    return reply(204)
  }
}

function role(name: string): string {
  return { boss: 'supervisor', qian: 'reviewer' }[name] ?? 'agent'
}

function newSeat(): Seat {
  return {
    id: 'li', state: 'signed_out', since: new Date().toISOString(), until: null, reason: null, visit: null, call: null, next: null,
    phone: { kind: 'browser' }, connected: true, registered: null,
  }
}

async function page(dist: string, req: IncomingMessage, res: ServerResponse): Promise<void> {
  const path = normalize(new URL(req.url ?? '/', 'http://page').pathname)
  const file = join(dist, path === '/' ? 'index.html' : path)
  try {
    const body = await readFile(file)
    res.writeHead(200, { 'Content-Type': TYPES[extname(file)] ?? 'application/octet-stream', 'Content-Security-Policy': POLICY })
    res.end(body)
  } catch {
    res.writeHead(404).end()
  }
}
