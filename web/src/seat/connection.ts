/**
 * The one WebSocket of a seat: connects, pings, answers requests by id, and connects again when it is lost.
 *
 * Contract: `onMessage` sees every message in order, `onLink` every change of the connection. A request is answered once: done, or
 * a [`SeatError`], which is also what becomes of it when the connection goes. Nothing is queued while it is lost: what was meant for
 * one moment of a call must not arrive in another. A browser does not say why a handshake was refused, so `mayConnect` is asked.
 */
import type { ClientMessage, ServerMessage } from './protocol'
import { readMessage } from './protocol'
import type { Link } from './store'

export class SeatError extends Error {
  constructor(
    readonly code: string,
    message: string,
    /** `redial_guard`: from when the customer may be called. */
    readonly at: string | null = null,
  ) {
    super(message)
  }
}

export type Verdict = 'yes' | 'later' | 'no_session' | 'no_seat'

export interface ConnectionEvents {
  onMessage(message: ServerMessage): void
  onLink(link: Link): void
  /** Asked after a connection that never opened. */
  mayConnect(): Promise<Verdict>
  onNoSession(): void
}

const REQUEST_MS = 10_000
const RETRY_MS = [250, 500, 1000, 2000, 3000]
/** The server's lease until `welcome` says it. */
const LEASE_S = 15

interface Waiting {
  resolve(): void
  reject(error: SeatError): void
  timer: ReturnType<typeof setTimeout>
}

export class SeatConnection {
  private socket: WebSocket | null = null
  private waiting = new Map<string, Waiting>()
  private nextId = 1
  private retries = 0
  private retryTimer: ReturnType<typeof setTimeout> | undefined
  private pingTimer: ReturnType<typeof setInterval> | undefined
  private wanted = false
  private silentSince = 0

  constructor(
    private readonly token: string,
    private readonly events: ConnectionEvents,
    private readonly url: string = seatUrl(),
  ) {}

  open(): void {
    if (this.wanted) return
    this.wanted = true
    this.retries = 0
    this.connect()
  }

  close(): void {
    this.wanted = false
    clearTimeout(this.retryTimer)
    this.drop()
  }

  /** Without an answer; false when there is no connection. */
  send(message: ClientMessage): boolean {
    if (this.socket?.readyState !== WebSocket.OPEN) return false
    this.socket.send(JSON.stringify(message))
    return true
  }

  request(message: ClientMessage): Promise<void> {
    const { socket } = this
    if (socket?.readyState !== WebSocket.OPEN) return Promise.reject(new SeatError('not_connected', ''))
    const id = String(this.nextId++)
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.settle(id, new SeatError('no_answer', '')), REQUEST_MS)
      this.waiting.set(id, { resolve, reject, timer })
      socket.send(JSON.stringify({ ...message, id }))
    })
  }

  private connect(): void {
    this.events.onLink('connecting')
    const socket = new WebSocket(this.url, ['huifang.seat.v1', `bearer.${this.token}`])
    this.socket = socket
    let opened = false
    socket.onopen = () => {
      opened = true
      this.ping(LEASE_S)
    }
    socket.onmessage = (event) => {
      if (socket === this.socket) this.take(event.data)
    }
    socket.onclose = () => {
      if (socket === this.socket) this.gone(opened)
    }
  }

  private take(data: unknown): void {
    this.silentSince = 0
    const message = readMessage(data)
    if (message === null) return
    if (message.type === 'welcome') {
      this.retries = 0
      this.ping(message.lease_s)
    } else if (message.type === 'done') {
      this.settle(message.id, null)
    } else if (message.type === 'error' && message.id != null) {
      this.settle(message.id, new SeatError(message.code, message.message, message.at ?? null))
    } else if (message.type === 'replaced') {
      // The newer window keeps the seat: connecting again would take it back, for ever in turns.
      this.events.onMessage(message)
      this.close()
      return
    }
    this.events.onMessage(message)
  }

  private settle(id: string, error: SeatError | null): void {
    const waiting = this.waiting.get(id)
    if (waiting === undefined) return
    this.waiting.delete(id)
    clearTimeout(waiting.timer)
    if (error === null) waiting.resolve()
    else waiting.reject(error)
  }

  /** Renews the lease, and gives up a connection that has said nothing for a whole lease: its network is gone. */
  private ping(leaseS: number): void {
    clearInterval(this.pingTimer)
    this.pingTimer = setInterval(() => {
      this.silentSince ||= Date.now()
      if (Date.now() - this.silentSince > leaseS * 1000) {
        this.drop()
        this.lost()
        return
      }
      void this.request({ type: 'ping' }).catch(() => undefined)
    }, (leaseS * 1000) / 3)
  }

  private async gone(opened: boolean): Promise<void> {
    this.drop()
    if (!this.wanted) return
    const verdict = opened ? 'yes' : await this.events.mayConnect()
    if (!this.wanted) return
    if (verdict === 'no_session' || verdict === 'no_seat') {
      this.wanted = false
      if (verdict === 'no_session') this.events.onNoSession()
      else this.events.onLink('refused')
      return
    }
    this.lost()
  }

  private lost(): void {
    this.events.onLink('lost')
    const wait = RETRY_MS[Math.min(this.retries++, RETRY_MS.length - 1)]
    this.retryTimer = setTimeout(() => this.connect(), wait)
  }

  private drop(): void {
    const { socket } = this
    this.socket = null
    this.silentSince = 0
    clearInterval(this.pingTimer)
    socket?.close()
    for (const id of [...this.waiting.keys()]) this.settle(id, new SeatError('not_connected', ''))
  }
}

function seatUrl(): string {
  return `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/api/v1/seat`
}
