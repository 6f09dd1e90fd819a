import { describe, expect, it } from 'vitest'
import en from '../i18n/en'
import zhCN from '../i18n/zh-CN'
import { dayAfter, filtersOf, queryOf, requestOf } from './filters'
import { KEYS, actionOf } from './keys'
import type { Evidence, Finding, Scorecard, Segment } from './protocol'
import { asSecond, columns, factRows, gainOf, jumps, learned, markedSegments, nextPlace, pieces, rateAfter, secondOf, shown, sortedFindings, stamp, turnAt } from './review'

const evidence = (text: string, level: number, change: Partial<Evidence> = {}): Evidence => ({ text, level, rule: text, from_s: null, turn: null, heard_by: null, ...change })
const segment = (start: number, end: number, text: string, channel: Segment['channel'] = 'customer'): Segment => ({ channel, start, end, text, confidence: 1, also_heard: [] })
const finding = (rule: string, severity: Finding['severity'], from_s: number | null): Finding => ({ rule, severity, seen: '', expected: '', from_s, to_s: null })

describe('time', () => {
  it('a second in an address is read and written to a tenth, and nonsense is the beginning', () => {
    expect(['12.3', '0', '', 'x', '-4', 'Infinity', undefined, ['1']].map(secondOf)).toEqual([12.3, 0, 0, 0, 0, 0, 0, 0])
    expect([12.34, 12.36, 0, 100].map(asSecond)).toEqual(['12.3', '12.4', '0', '100'])
    expect([0, 7.25, 59.99, 75.26, 3600].map(stamp)).toEqual(['0:00.0', '0:07.2', '0:59.9', '1:15.2', '60:00.0'])
  })

  it('speeds go in steps from a half to three', () => {
    const check = (rate: number, step: 1 | -1, wanted: number) => expect(rateAfter(rate, step), `${rate} ${step}`).toBe(wanted)
    check(1, 1, 1.25)
    check(1, -1, 0.75)
    check(3, 1, 3)
    check(0.5, -1, 0.5)
    check(2.5, 1, 3)
  })

  it('who speaks is who began last, also in a pause and when both speak', () => {
    const segments = [segment(1, 5, 'a'), segment(4, 6, 'b'), segment(9, 10, 'c')]
    expect([0, 1, 3, 4.2, 7, 9, 99].map((s) => turnAt(segments, s))).toEqual([-1, 0, 0, 1, 1, 2, 2])
    expect(turnAt([], 3)).toBe(-1)
  })

  it('from finding to finding, each second once, passing the one that one stands on', () => {
    const card = { alarms: [evidence('投诉', 1, { from_s: 20 })] } as unknown as Scorecard
    const places = jumps([finding('C18', 'amber', 30), finding('D04', 'red', 20), finding('C05', 'pass', 1), finding('C26', 'amber', null)], card)
    expect(places).toEqual([20, 30])
    const check = (s: number, step: 1 | -1, wanted: number | null) => expect(nextPlace(places, s, step), `${s} ${step}`).toBe(wanted)
    check(0, 1, 20)
    check(20, 1, 30)
    check(30.1, 1, null)
    check(30, -1, 20)
    check(20.1, -1, null)
  })
})

describe('words', () => {
  const texts = (text: string, list: Evidence[], alarms: Evidence[] = []) => pieces(text, list, alarms).map(({ text: one, level, alarm }) => `${one}${level === null ? '' : `=${alarm ? '!' : level}`}`)

  it('evidence is cut out of the text, what is not there is passed over, an alarm goes before a level', () => {
    expect(texts('态度挺好 就是太慢', [evidence('挺好', 4), evidence('太慢', 2)])).toEqual(['态度', '挺好=4', ' 就是', '太慢=2'])
    expect(texts('一般', [evidence('一般', 3)])).toEqual(['一般=3'])
    expect(texts('好', [evidence('不好', 2), evidence('', 5)])).toEqual(['好'])
    expect(texts('要投诉你们', [evidence('投诉', 1)], [evidence('要投诉', 1)])).toEqual(['要投诉=!', '你们'])
    expect(texts('', [])).toEqual([])
    expect(texts('很好很好', [evidence('很好', 5)])).toEqual(['很好=5', '很好'])
  })

  it('a level by learned words says so, and whether the table has another', () => {
    expect(['服务技能:synonym+intensified', '服务技能:learned words', '服务技能:learned words, against the table'].map(learned)).toEqual([null, 'alone', 'against'])
  })

  it('evidence belongs to its turn, or where it has none to the customer who spoke then', () => {
    const segments = [segment(0, 2, '满意吗', 'agent'), segment(2, 4, '满意'), segment(5, 6, '满意')]
    const card = (one: Evidence) => ({ scores: [{ evidence: [one] }], alarms: [] }) as unknown as Scorecard
    const marked = (one: Evidence) => markedSegments(segments, card(one)).map((list) => list.some(({ level }) => level !== null))
    expect(marked(evidence('满意', 4, { turn: 2 }))).toEqual([false, false, true])
    expect(marked(evidence('满意', 4, { from_s: 2.5 }))).toEqual([false, true, false])
    expect(marked(evidence('满意', 4))).toEqual([false, false, false])
    expect(markedSegments(segments, null)).toHaveLength(3)
  })
})

describe('rows', () => {
  it('differences come first, then what agrees, then what was said besides', () => {
    const comparison = (item: string, agreement: string) => ({ item, agreement, claimed: 'x', said: 'y', by: null, quote: null, at_s: null, reason: '', alarm: false })
    const { truth, rows } = factRows({
      machine_hours: { value: 10, quote: '十个', at_s: 1 }, fee_yuan: null, running_normal: { value: false, quote: '不行', at_s: 4 }, version: 3,
      truth: { verdict: 'doubtful', reasons: [], comparisons: [comparison('location', 'not_said'), comparison('parts', 'agrees'), comparison('hours', 'differs')] },
    })
    expect(truth?.verdict).toBe('doubtful')
    expect(rows.map(({ name, said }) => [name, said])).toEqual([['machine_hours', 'y'], ['parts_replaced', 'y'], ['location', 'y'], ['running_normal', false]])
    expect(factRows(null)).toEqual({ truth: null, rows: [] })
  })

  it('values are words', () => {
    const words = zhCN.review.values
    expect([true, false, [], ['机油', '机滤'], 'confirmed', '徐州', 1042, null].map((one) => shown(one, words))).toEqual(['是', '否', '无', '机油、机滤', '本人', '徐州', '1042', ''])
  })

  it('the gravest finding stands first, then the earliest', () => {
    const sorted = sortedFindings([finding('a', 'pass', 1), finding('b', 'amber', 9), finding('c', 'amber', 2), finding('d', 'red', null), finding('e', 'amber', null)])
    expect(sorted.map(({ rule }) => rule).join('')).toBe('dcbea')
  })
})

describe('the wave', () => {
  it('a column holds the lowest and the highest of its points, with more points than pixels and with fewer', () => {
    const points: [number, number][] = [[-16384, 0], [0, 16384], [-32768, 0], [0, 0]]
    expect(columns(points, 2)).toEqual([[-0.5, 0.5], [-1, 0]])
    expect(columns(points.slice(0, 1), 3)).toEqual([[-0.5, 0], [-0.5, 0], [-0.5, 0]])
    expect(columns([], 5)).toEqual([])
  })

  it('a quiet voice is drawn larger, noise is not', () => {
    const of = (high: number) => gainOf({ seconds: 1, channels: [[[0, high]]] }, 0)
    expect([of(32768), of(16384), of(1000), of(300)]).toEqual([1, 2, 8, 1])
    expect(gainOf({ seconds: 1, channels: [] }, 1)).toBe(1)
  })
})

describe('filters', () => {
  it('go into the address and back, and nonsense is left out', () => {
    const query = { state: 'waiting', alarm: '1', from: '2026-11-01', other: 'x', q: ['a', 'b'], due: 'yes' }
    const filters = filtersOf(query)
    expect(filters).toMatchObject({ state: 'waiting', alarm: true, due: false, from: '2026-11-01', q: '' })
    expect(queryOf(filters)).toEqual({ state: 'waiting', alarm: '1', from: '2026-11-01' })
    expect(filtersOf(queryOf(filters))).toEqual(filters)
  })

  it('the last day is included, and the request says true', () => {
    const filters = { ...filtersOf({}), to: '2026-12-31', alarm: true, q: ' FW1 ', why: '1' }
    expect(requestOf(filters, 'next', 50)).toBe('to=2027-01-01&why=1&alarm=true&q=FW1&limit=50&cursor=next')
    expect(['2026-02-28', '2024-02-28', 'x', ''].map(dayAfter)).toEqual(['2026-03-01', '2024-02-29', 'x', ''])
  })
})

describe('keys', () => {
  const press = (key: string, change = {}) => actionOf({ key, altKey: false, ctrlKey: false, metaKey: false, shiftKey: false, isComposing: false, ...change })

  it('letters in either case, shift only where it is a key of its own, and the browser keeps its keys', () => {
    expect([press(' '), press('k'), press('K'), press('ArrowLeft'), press('?', { shiftKey: true }), press('f'), press('F', { shiftKey: true })]).toEqual([
      'play', 'play', 'play', 'back', 'help', 'placeNext', 'placePrevious',
    ])
    expect([press('f', { ctrlKey: true }), press('n', { altKey: true }), press('c', { metaKey: true }), press('Enter'), press('x'), press('d', { isComposing: true }), press('N', { shiftKey: true })]).toEqual(Array(7).fill(null))
  })

  it('no two actions share a key, and every action has one', () => {
    const all = Object.values(KEYS).flat()
    expect(new Set(all).size).toBe(all.length)
    expect(Object.keys(KEYS).sort()).toEqual(Object.keys(zhCN.review.actions).sort())
    expect(en.review.levels).toHaveLength(zhCN.review.levels.length)
    expect(en.calls.columns).toHaveLength(zhCN.calls.columns.length)
  })
})
