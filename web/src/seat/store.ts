/**
 * What the desk knows: one state, changed only by [`reduce`] from what the server said and what became of the connection.
 *
 * Pure: no clock, no socket, no browser. Drafts (note, form, chosen outcome) are the page's own and live in `desk/draft.ts`.
 */
import type { Call, Live, MediaState, Seat, ServerMessage } from './protocol'

/** `refused`: the server does not let this user have a seat. `replaced`: another window has it. */
export type Link = 'idle' | 'connecting' | 'open' | 'lost' | 'replaced' | 'refused'

export interface DeskState {
  link: Link
  /** When the connection was lost, on this machine's clock (ms). */
  lostAt: number | null
  seat: Seat | null
  call: Call | null
  /** Of the call in hand, or of the one that a supervisor listens to. */
  live: Live | null
  media: MediaState
  leaseS: number
  wrapUpS: number
  iceServers: RTCIceServer[]
  /** Server's clock minus this machine's, ms. */
  skewMs: number
}

export type DeskEvent =
  | { kind: 'link'; link: Link; now: number }
  | { kind: 'server'; message: ServerMessage; now: number }
  | { kind: 'signed_off' }

export const START: DeskState = {
  link: 'idle',
  lostAt: null,
  seat: null,
  call: null,
  live: null,
  media: 'new',
  leaseS: 30,
  wrapUpS: 60,
  iceServers: [],
  skewMs: 0,
}

export function reduce(state: DeskState, event: DeskEvent): DeskState {
  switch (event.kind) {
    case 'signed_off':
      return START
    case 'link':
      return onLink(state, event.link, event.now)
    case 'server':
      return onMessage(state, event.message, event.now)
  }
}

function onLink(state: DeskState, link: Link, now: number): DeskState {
  // Who took the seat over keeps it: a socket that closes afterwards is no lost connection.
  if (state.link === 'replaced' && link === 'lost') return state
  const lostAt = link === 'lost' || (link === 'connecting' && state.lostAt !== null) ? (state.lostAt ?? now) : null
  return { ...state, link, lostAt }
}

function onMessage(state: DeskState, message: ServerMessage, now: number): DeskState {
  switch (message.type) {
    case 'welcome':
      return {
        ...state,
        link: 'open',
        lostAt: null,
        seat: message.seat,
        call: message.call,
        live: message.live ?? null,
        leaseS: message.lease_s,
        wrapUpS: message.wrap_up_s,
        iceServers: message.ice_servers,
        skewMs: message.now === undefined ? state.skewMs : Date.parse(message.now) - now,
      }
    case 'seat':
      // A seat that is free again has no call: the server need not say so twice.
      return { ...state, seat: message.seat, call: hasCall(message.seat) ? state.call : null }
    case 'call':
      return { ...state, call: message.call, live: message.call === null ? null : state.live }
    case 'live':
      return { ...state, live: message.live }
    case 'media':
      return { ...state, media: message.state }
    case 'replaced':
      return { ...state, link: 'replaced', lostAt: null }
    case 'answer':
    case 'candidate':
    case 'done':
    case 'error':
      return state
  }
}

function hasCall(seat: Seat): boolean {
  return seat.state === 'reserved' || seat.state === 'in_call' || seat.state === 'wrap_up'
}

/** What may be done now. The server decides in the end; these only keep keys and buttons honest. */
export interface Allowed {
  signIn: boolean
  available: boolean
  break: boolean
  signOut: boolean
  start: boolean
  talk: boolean
  hangUp: boolean
  result: boolean
  wrapUp: boolean
}

export function allowed({ link, seat, call }: DeskState): Allowed {
  const up = link === 'open' && seat !== null
  const state = seat?.state
  const phase = call?.phase
  const answered = up && phase === 'answered' && state === 'in_call'
  const wrapping = up && state === 'wrap_up'
  return {
    signIn: up && state === 'signed_out',
    available: up && (state === 'break' || state === 'wrap_up'),
    break: up && state !== 'signed_out' && state !== 'break',
    signOut: up && state !== 'signed_out',
    start: up && state === 'reserved' && phase === 'preview',
    talk: answered,
    hangUp: up && (answered || phase === 'dialing' || phase === 'ringing'),
    result: answered || (wrapping && call !== null),
    wrapUp: wrapping,
  }
}

/** Milliseconds since an instant of the server, never negative. */
export function elapsedMs(since: string, now: number, skewMs: number): number {
  return Math.max(0, now + skewMs - Date.parse(since)) || 0
}

export type Pace = 'calm' | 'soon' | 'over'
/** So long before the limit the timer turns amber. */
const SOON_S = 30

/** C11: how the call stands against its limit. */
export function pace(elapsed: number, limitS: number): Pace {
  const s = elapsed / 1000
  if (s > limitS) return 'over'
  return s >= limitS - SOON_S ? 'soon' : 'calm'
}
