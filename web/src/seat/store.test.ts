import { describe, expect, it } from 'vitest'
import { TALK } from '../../mock/talk'
import { FULL } from '../../mock/visits'
import type { Call, Seat, ServerMessage } from './protocol'
import { readMessage } from './protocol'
import type { DeskState } from './store'
import { START, allowed, elapsedMs, pace, reduce } from './store'

const NOW = Date.parse('2026-11-22T10:00:00Z')

function seat(state: Seat['state'], change: Partial<Seat> = {}): Seat {
  return {
    id: 'li', state, since: '2026-11-22T09:59:00Z', until: null, reason: null, visit: null, call: null, next: null,
    phone: { kind: 'browser' }, connected: true, registered: null, ...change,
  }
}

function call(phase: Call['phase']): Call {
  return { ...FULL, phase, phase_since: '2026-11-22T10:00:00Z', call: 'c', muted: false, held: false, end: null, note: '', outcome: null, hung_up_by: null }
}

function welcome(of: Seat, its: Call | null, now?: string): ServerMessage {
  return { type: 'welcome', seat: of, lease_s: 12, wrap_up_s: 45, ice_servers: [], call: its, ...(now === undefined ? {} : { now }) }
}

function after(messages: ServerMessage[], from: DeskState = START): DeskState {
  return messages.reduce((state, message) => reduce(state, { kind: 'server', message, now: NOW }), from)
}

describe('what the desk knows', () => {
  it('a welcome carries everything, in a call too', () => {
    const state = after([welcome(seat('in_call'), call('answered'))])
    expect(state).toMatchObject({ link: 'open', leaseS: 12, wrapUpS: 45, seat: { state: 'in_call' }, call: { phase: 'answered' } })
  })

  it('a seat that is free again has no call, whether or not the server says so twice', () => {
    const wrapping = after([welcome(seat('wrap_up'), call('ended'))])
    expect(after([{ type: 'seat', seat: seat('wrap_up') }], wrapping).call?.phase).toBe('ended')
    expect(after([{ type: 'seat', seat: seat('available') }], wrapping).call).toBeNull()
    expect(after([{ type: 'seat', seat: seat('break') }], wrapping).call).toBeNull()
  })

  it('live text is that of the call, and gone with it', () => {
    const talking = after([welcome(seat('in_call'), call('answered')), { type: 'live', live: TALK[0]! }, { type: 'live', live: TALK[1]! }])
    expect(talking.live).toBe(TALK[1])
    expect(after([{ type: 'call', call: call('ended') }], talking).live).toBe(TALK[1])
    expect(after([{ type: 'call', call: null }], talking).live).toBeNull()
    expect(after([welcome(seat('in_call'), call('answered'))], talking).live).toBeNull()
  })

  it('a connection is lost since it was first lost, until a welcome', () => {
    let state = after([welcome(seat('available'), null)])
    state = reduce(state, { kind: 'link', link: 'lost', now: 1000 })
    state = reduce(state, { kind: 'link', link: 'connecting', now: 2000 })
    state = reduce(state, { kind: 'link', link: 'lost', now: 3000 })
    expect(state).toMatchObject({ link: 'lost', lostAt: 1000, seat: { state: 'available' } })
    expect(after([welcome(seat('available'), null)], state).lostAt).toBeNull()
  })

  it('a seat that another window took stays taken when the socket closes', () => {
    const taken = after([welcome(seat('available'), null), { type: 'replaced' }])
    expect(reduce(taken, { kind: 'link', link: 'lost', now: NOW }).link).toBe('replaced')
    expect(allowed(taken).break).toBe(false)
  })

  it('signing off forgets everything', () => {
    expect(reduce(after([welcome(seat('in_call'), call('answered'))]), { kind: 'signed_off' })).toEqual(START)
  })
})

describe('what may be done', () => {
  const check = (state: Seat['state'], phase: Call['phase'] | null, wanted: string) => {
    const can = allowed(after([welcome(seat(state), phase === null ? null : call(phase))]))
    const names = Object.entries(can).flatMap(([name, yes]) => (yes ? [name] : []))
    expect(names.join(' '), `${state} ${phase}`).toBe(wanted)
  }

  it('follows seat and call', () => {
    check('signed_out', null, 'signIn')
    check('available', null, 'break signOut')
    check('break', null, 'available signOut')
    check('reserved', 'preview', 'break signOut start')
    check('reserved', 'dialing', 'break signOut hangUp')
    check('reserved', 'ringing', 'break signOut hangUp')
    check('in_call', 'answered', 'break signOut talk hangUp result')
    check('wrap_up', 'ended', 'available break signOut result wrapUp')
  })

  it('is nothing while the connection is lost', () => {
    const state = reduce(after([welcome(seat('in_call'), call('answered'))]), { kind: 'link', link: 'lost', now: NOW })
    expect(Object.values(allowed(state))).not.toContain(true)
  })
})

describe('time', () => {
  it('runs by the server’s clock, not by this machine’s', () => {
    const { skewMs } = after([welcome(seat('available'), null, '2026-11-22T10:00:07Z')])
    expect(elapsedMs('2026-11-22T10:00:00Z', NOW, skewMs)).toBe(7000)
    expect(elapsedMs('2026-11-22T10:01:00Z', NOW, skewMs)).toBe(0)
    expect(elapsedMs('no instant', NOW, skewMs)).toBe(0)
  })

  it('c11: turns amber half a minute before the limit and red after it', () => {
    const at = (s: number) => pace(s * 1000, 180)
    expect([at(0), at(149), at(150), at(180), at(181)]).toEqual(['calm', 'calm', 'soon', 'soon', 'over'])
  })
})

describe('a frame', () => {
  it('is read when its type is known, and dropped when not', () => {
    const check = (text: unknown, wanted: ServerMessage | null) => expect(readMessage(text), String(text)).toEqual(wanted)
    check('{"type":"done","id":"7"}', { type: 'done', id: '7' })
    check('{"type":"news"}', null)
    check('{"id":"7"}', null)
    check('[]', null)
    check('null', null)
    check('{', null)
    check(new ArrayBuffer(2), null)
  })
})
