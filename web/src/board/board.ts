/**
 * The board of a supervisor: what a row shows and what may be done with it. Pure: no clock, no requests.
 */
import type { Seat, SeatState } from '../seat/protocol'

export type Mode = 'listen' | 'whisper' | 'barge'
export type Act = Mode | 'leave' | 'takeOver' | 'end' | 'release'

/** C11: a visit call lasts three minutes at most. */
export const LIMIT_S = 180

/** Of `GET /calls`, what a row needs. */
export interface LiveCall {
  id: string
  visit_id: string
  order_no: string
  to: string
  answered_at: string | null
}

/** Of `GET /orders/{no}`. */
export interface Customer {
  name?: string | null
  title?: string | null
  phone: string
}

export interface Row {
  seat: Seat
  call: LiveCall | null
  orderNo: string | null
  customer: Customer | null
}

/** The call that the supervisor is in, and how. */
export interface Watch {
  call: string
  seat: string
  mode: Mode
}

export interface Known {
  seats: readonly Seat[]
  calls: readonly LiveCall[]
  /** Order numbers of visits that are not called yet. */
  visits: ReadonlyMap<string, string>
  orders: ReadonlyMap<string, Customer>
}

/** First what may need help; who has been so for longest stands first. */
const ORDER: readonly SeatState[] = ['in_call', 'reserved', 'wrap_up', 'break', 'available', 'signed_out']

export function rows({ seats, calls, visits, orders }: Known): Row[] {
  const sorted = [...seats].sort(
    (a, b) => ORDER.indexOf(a.state) - ORDER.indexOf(b.state) || Date.parse(a.since) - Date.parse(b.since) || a.id.localeCompare(b.id),
  )
  return sorted.map((seat) => {
    const call = calls.find(({ id }) => id === seat.call) ?? null
    const orderNo = call?.order_no ?? visits.get(seat.visit ?? '') ?? null
    return { seat, call, orderNo, customer: orders.get(orderNo ?? '') ?? null }
  })
}

export function count(seats: readonly Seat[], state: SeatState): number {
  return seats.filter((seat) => seat.state === state).length
}

/** Middle digits hidden, as everybody but a supervisor sees them: a board hangs on a wall. */
export function masked(phone: string): string {
  if (phone.includes('*')) return phone
  const national = phone.replace(/^\+86/, '')
  return national.length < 8 ? '****' : `${national.slice(0, 3)}****${national.slice(-4)}`
}

/** What may be done by `me`. The server decides in the end; this only keeps keys and buttons honest. */
export function allowed({ seat, call }: Row, watch: Watch | null, me: string): Record<Act, boolean> {
  const live = seat.call !== null && (seat.state === 'in_call' || (seat.state === 'reserved' && call !== null))
  const others = live && seat.id !== me
  const mode = watch !== null && watch.call === seat.call ? watch.mode : null
  return {
    listen: others && mode !== 'listen',
    whisper: others && mode !== 'whisper',
    barge: others && mode !== 'barge',
    leave: mode !== null,
    takeOver: others && seat.state === 'in_call',
    end: live,
    release: seat.state !== 'signed_out',
  }
}

/** The call that is watched is over, or its agent is another now. */
export function stillThere(watch: Watch, seats: readonly Seat[]): boolean {
  return seats.some(({ call, state }) => call === watch.call && (state === 'in_call' || state === 'reserved'))
}

export const KEYS: Readonly<Record<Act, string>> = { listen: 'L', whisper: 'W', barge: 'B', leave: 'X', takeOver: 'T', end: 'E', release: 'R' }

export function actOf(press: { key: string; altKey: boolean; ctrlKey: boolean; metaKey: boolean; isComposing: boolean }): Act | null {
  if (press.altKey || press.ctrlKey || press.metaKey || press.isComposing) return null
  const found = (Object.entries(KEYS) as [Act, string][]).find(([, key]) => key === press.key.toUpperCase())
  return found?.[0] ?? null
}
