import { describe, expect, it } from 'vitest'
import { takeEvents } from '../api/events'
import en from '../i18n/en'
import zhCN from '../i18n/zh-CN'
import type { Seat } from '../seat/protocol'
import type { Act, LiveCall, Row, Watch } from './board'
import { KEYS, actOf, allowed, count, masked, rows, stillThere } from './board'

const seat = (id: string, state: Seat['state'], change: Partial<Seat> = {}): Seat => ({
  id, state, since: '2026-11-22T10:00:00+08:00', until: null, reason: null, visit: null, call: null, next: null,
  phone: { kind: 'browser' }, connected: true, registered: null, ...change,
})
const call: LiveCall = { id: 'c1', visit_id: 'v1', order_no: 'FW1', to: '+8613812345678', answered_at: '2026-11-22T10:00:05+08:00' }

describe('the rows', () => {
  it('stand by what may need help, then by how long it has been so', () => {
    const seats = [
      seat('off', 'signed_out'),
      seat('free', 'available'),
      seat('late', 'in_call', { since: '2026-11-22T10:05:00+08:00' }),
      seat('early', 'in_call', { since: '2026-11-22T09:55:00+08:00' }),
      seat('writes', 'wrap_up'),
      seat('held', 'reserved'),
    ]
    const known = { seats, calls: [], visits: new Map(), orders: new Map() }
    expect(rows(known).map((row) => row.seat.id)).toEqual(['early', 'late', 'held', 'writes', 'free', 'off'])
    expect([count(seats, 'in_call'), count(seats, 'break')]).toEqual([2, 0])
  })

  it('know their call, and the order of a visit that is not called yet', () => {
    const orders = new Map([['FW1', { name: '王', phone: '138****5678' }], ['FW2', { name: '李', phone: '139****0087' }]])
    const seats = [seat('a', 'in_call', { call: 'c1', visit: 'v1' }), seat('b', 'reserved', { visit: 'v2' }), seat('c', 'available')]
    const found = rows({ seats, calls: [call], visits: new Map([['v2', 'FW2']]), orders })
    expect(found.map((row) => [row.call?.id ?? null, row.orderNo, row.customer?.name ?? null])).toEqual([
      ['c1', 'FW1', '王'], [null, 'FW2', '李'], [null, null, null],
    ])
  })

  it('show no whole number', () => {
    expect(['+8613812345678', '138****5678', '13812345678', '+8605168560001', '110'].map(masked)).toEqual([
      '138****5678', '138****5678', '138****5678', '051****0001', '****',
    ])
  })
})

describe('what a supervisor may do', () => {
  const acts = (row: Row, watch: Watch | null = null, me = 'boss') =>
    (Object.entries(allowed(row, watch, me)) as [Act, boolean][]).filter(([, may]) => may).map(([act]) => act)
  const row = (one: Seat): Row => ({ seat: one, call: one.call === call.id ? call : null, orderNo: null, customer: null })
  const talking = row(seat('anna', 'in_call', { call: 'c1' }))

  it('depends on the state of the seat', () => {
    expect(acts(talking)).toEqual(['listen', 'whisper', 'barge', 'takeOver', 'end', 'release'])
    expect(acts(row(seat('anna', 'reserved', { call: 'c1' })))).toEqual(['listen', 'whisper', 'barge', 'end', 'release'])
    expect(acts(row(seat('anna', 'reserved', { visit: 'v1' })))).toEqual(['release'])
    expect(acts(row(seat('anna', 'wrap_up', { call: 'c1' })))).toEqual(['release'])
    expect(acts(row(seat('anna', 'signed_out')))).toEqual([])
  })

  it('and on what he does already; his own call he can only end', () => {
    const watch: Watch = { call: 'c1', seat: 'anna', mode: 'whisper' }
    expect(acts(talking, watch)).toEqual(['listen', 'barge', 'leave', 'takeOver', 'end', 'release'])
    expect(acts(talking, { ...watch, call: 'c2' })).toEqual(['listen', 'whisper', 'barge', 'takeOver', 'end', 'release'])
    expect(acts(talking, null, 'anna')).toEqual(['end', 'release'])
  })

  it('a watched call is there until it is over', () => {
    const watch: Watch = { call: 'c1', seat: 'anna', mode: 'listen' }
    expect(stillThere(watch, [talking.seat])).toBe(true)
    expect(stillThere(watch, [seat('anna', 'wrap_up', { call: 'c1' })])).toBe(false)
    expect(stillThere(watch, [seat('anna', 'available')])).toBe(false)
  })

  it('each act has a key of its own, alone and in either case', () => {
    const press = (key: string, change = {}) => actOf({ key, altKey: false, ctrlKey: false, metaKey: false, isComposing: false, ...change })
    expect(new Set(Object.values(KEYS)).size).toBe(Object.keys(KEYS).length)
    expect(['l', 'W', 't', 'q', 'Enter'].map((key) => press(key))).toEqual(['listen', 'whisper', 'takeOver', null, null])
    expect([press('r', { ctrlKey: true }), press('e', { isComposing: true }), press('b', { altKey: true })]).toEqual([null, null, null])
  })
})

it('events are named when they are whole, whatever the pieces they come in', () => {
  expect(takeEvents(': heartbeat\n\nid: 1\nevent: seat_changed\ndata: {}\n\nevent: call_ch')).toEqual({ names: ['seat_changed'], rest: 'event: call_ch' })
  expect(takeEvents('event:lagged\r\ndata: {}\r\n\r\n')).toEqual({ names: ['lagged'], rest: '' })
  expect(takeEvents('')).toEqual({ names: [], rest: '' })
})

it('both languages have the same lists for the board', () => {
  expect(en.board.columns).toHaveLength(zhCN.board.columns.length)
  expect(en.board.endReasons).toHaveLength(zhCN.board.endReasons.length)
})
