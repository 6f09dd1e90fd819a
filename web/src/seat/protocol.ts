/**
 * The messages of `/api/v1/seat`, as docs/seats.md has them, and nothing else. Unknown fields are ignored, so that a newer server
 * can say more; unknown message types are dropped by the connection.
 */

export type SeatState = 'signed_out' | 'available' | 'reserved' | 'in_call' | 'wrap_up' | 'break'
export type PhoneKind = 'browser' | 'uri' | 'registered'
export type MediaState = 'new' | 'connecting' | 'connected' | 'disconnected' | 'failed' | 'closed'
export type CallPhase = 'preview' | 'dialing' | 'ringing' | 'answered' | 'ended'

/** RFC 3339. */
export type Instant = string

export interface Seat {
  id: string
  state: SeatState
  since: Instant
  until: Instant | null
  reason: string | null
  visit: string | null
  call: string | null
  next: 'break' | 'signed_out' | null
  phone: { kind: PhoneKind; uri?: string }
  connected: boolean
  registered: boolean | null
}

export type End =
  | { kind: 'completed' }
  | { kind: 'refused'; opt_out: boolean }
  | { kind: 'callback'; at: Instant | null; said: string | null }
  | { kind: 'wrong_number' }
  | { kind: 'not_informed' }
  | { kind: 'no_voice' }

export type EndKind = End['kind']

export interface Claims {
  product?: string | null
  machine_no?: string | null
  engineer?: string | null
  dealer?: string | null
  reported_hours?: number | null
  requested_at?: Instant | null
  arrived_at?: Instant | null
  finished_at?: Instant | null
  fault?: string | null
  fix?: string | null
  checks?: string[]
  parts?: string[]
  location?: string | null
  address?: string | null
  demand?: string | null
  customer_class?: string | null
}

export interface Order {
  order_no?: string | null
  service_type: string
  customer: { name?: string | null; title?: string | null; phone: string }
  claims: Claims
}

export interface ScriptStep {
  step: string
  title: string
  say: string
  ask: boolean
  indicator: string | null
  facts: string[]
}

export interface PastCall {
  call: string
  at: Instant
  outcome: string | null
  end: End | null
  note: string | null
  index: number | null
}

export interface Call {
  phase: CallPhase
  visit: string
  call: string | null
  phase_since: Instant
  limit_s: number
  muted: boolean
  held: boolean
  number: string
  order: Order
  why_now: string | null
  script: { title: string; steps: ScriptStep[] }
  history: PastCall[]
  refer: { engineer: { name: string | null; phone: string } | null; dealer_manager: { phone: string } | null }
  end: End | null
  note: string
  outcome: string | null
  hung_up_by: string | null
}

export type Speaker = 'agent' | 'customer'
export type Standing = 'open' | 'asked' | 'answered'
export type Agreement = 'agrees' | 'differs' | 'not_said'

/** What is said on a call, while it is said. Whole at every change. */
export interface Live {
  call: string
  state: 'listening' | 'behind' | 'lost'
  missed_s: number
  /** `seat`: who spoke on our side; a take-over changes it. */
  lines: { n: number; speaker: Speaker; seat?: string | null; from_s: number; to_s: number; text: string; done: boolean }[]
  questions: { step: string; standing: Standing; level: number | null }[]
  facts: { fact: string; said: string; claimed: string | null; agreement: Agreement | null; quote: string }[]
  warnings: { kind: 'alarm' | 'complaint' | 'refusal'; quote: string; at_s: number }[]
  hints: { kind: 'hesitated' | 'ask_why'; quote: string }[]
}

export type ServerMessage =
  | {
      type: 'welcome'
      seat: Seat
      lease_s: number
      wrap_up_s: number
      ice_servers: RTCIceServer[]
      call: Call | null
      live?: Live | null
      /** The server's clock, so that timers do not depend on this machine's. */
      now?: Instant
    }
  | { type: 'seat'; seat: Seat }
  | { type: 'answer'; sdp: string }
  | { type: 'candidate'; candidate: RTCIceCandidateInit | null }
  | { type: 'media'; state: MediaState }
  | { type: 'call'; call: Call | null }
  | { type: 'live'; live: Live }
  | { type: 'done'; id: string }
  | { type: 'error'; id?: string | null; code: string; message: string; at?: Instant }
  | { type: 'replaced' }

export type ClientMessage =
  | { type: 'sign_in' | 'available' | 'sign_out' | 'ping' | 'start' | 'hang_up' }
  | { type: 'break' | 'decline'; reason: string }
  | { type: 'offer'; sdp: string }
  | { type: 'candidate'; candidate: RTCIceCandidateInit | null }
  | { type: 'mute' | 'hold'; on: boolean }
  | { type: 'keys'; digits: string }
  | { type: 'step'; step: string; indicator?: string }
  | { type: 'result'; end: End; note?: string }
  | { type: 'note'; text: string }
  | { type: 'wrapped_up'; end: End; note?: string; form?: Record<string, string> }

const TYPES: ReadonlySet<string> = new Set<ServerMessage['type']>([
  'welcome', 'seat', 'answer', 'candidate', 'media', 'call', 'live', 'done', 'error', 'replaced',
])

/** One frame of the server, or null when it is none that this page knows. */
export function readMessage(text: unknown): ServerMessage | null {
  if (typeof text !== 'string') return null
  try {
    const message: unknown = JSON.parse(text)
    if (typeof message !== 'object' || message === null || !('type' in message)) return null
    return TYPES.has(String(message.type)) ? (message as ServerMessage) : null
  } catch {
    return null
  }
}
