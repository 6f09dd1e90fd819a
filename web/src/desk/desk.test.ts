import { describe, expect, it } from 'vitest'
import en from '../i18n/en'
import zhCN from '../i18n/zh-CN'
import { SeatError } from '../seat/connection'
import type { Choice } from './callback'
import { instant, timeOf } from './callback'
import { clock, readable, shortInstant } from '../parts/format'
import { explain } from './problem'
import type { KeyPress } from './shortcuts'
import { SHORTCUTS, actionOf } from './shortcuts'

describe('keys', () => {
  const press = (spec: string): KeyPress => {
    const parts = spec.split('+')
    const key = parts[parts.length - 1]!
    const code = /^[a-z]$/i.test(key) ? `Key${key.toUpperCase()}` : key === '/' ? 'Slash' : key
    return {
      key: parts.includes('Option') ? 'µ' : key, code, altKey: parts.includes('Alt') || parts.includes('Option'),
      ctrlKey: parts.includes('Ctrl'), metaKey: parts.includes('Meta'), shiftKey: parts.includes('Shift'), isComposing: parts.includes('IME'),
    }
  }
  const check = (spec: string, typing: boolean, wanted: string | null) => expect(actionOf(press(spec), typing), spec).toBe(wanted)

  it('function keys and alt combinations work while typing, plain keys do not', () => {
    check('F3', true, 'callback')
    check('Alt+m', true, 'mute')
    check('Option+m', true, 'mute')
    check('Alt+Enter', true, 'wrapUp')
    check('Alt+/', true, 'help')
    check('m', true, null)
    check('?', true, null)
    check('m', false, 'mute')
    check('?', false, 'help')
    check('ArrowRight', false, 'stepNext')
  })

  it('keys of the browser, of an input method, and unknown ones are left alone', () => {
    for (const spec of ['Ctrl+F3', 'Ctrl+Alt+m', 'Meta+m', 'Shift+F3', 'IME+F3', 'F7', 'F12', 'x', 'Enter', 'Alt+x']) check(spec, false, null)
  })

  it('no two actions share a key, and every action has one that works while typing', () => {
    const all = Object.values(SHORTCUTS).flat()
    expect(new Set(all).size).toBe(all.length)
    for (const [action, keys] of Object.entries(SHORTCUTS)) expect(keys.some((key) => /^(F\d|Alt\+)/.test(key)), action).toBe(true)
  })
})

describe('a07: when to call again', () => {
  const check = (choice: Choice, now: string, wanted: string | null) => {
    const at = timeOf(choice, new Date(now))
    expect(at === null ? null : instant(at).slice(0, 19), `${choice} at ${now}`).toBe(wanted)
  }

  it('the quick choices are local times', () => {
    check('inHalfHour', '2026-11-22T23:45:31', '2026-11-23T00:15:00')
    check('thisAfternoon', '2026-11-22T09:00:00', '2026-11-22T15:00:00')
    check('thisAfternoon', '2026-11-22T14:50:00', null)
    check('thisAfternoon', '2026-11-22T16:00:00', null)
    check('tomorrowMorning', '2026-12-31T10:00:00', '2027-01-01T09:00:00')
  })

  it('an instant carries its offset and means the same moment', () => {
    const at = new Date('2026-11-22T15:00:00')
    expect(instant(at)).toMatch(/^2026-11-22T15:00:00[+-]\d\d:\d\d$/)
    expect(Date.parse(instant(at))).toBe(at.getTime())
  })
})

describe('what is shown', () => {
  it('lengths, instants and numbers', () => {
    expect([0, 5_900, 75_000, 3_600_000].map(clock)).toEqual(['0:00', '0:05', '1:15', '1:00:00'])
    expect(shortInstant('2026-11-22T14:50:00+08:00', 2026)).toBe('11-22 14:50')
    expect(shortInstant('2025-11-22T14:50:00+08:00', 2026)).toBe('2025-11-22 14:50')
    expect([shortInstant(null), shortInstant('昨天')]).toEqual(['', '昨天'])
    expect([readable('+8613900012345'), readable('138****5678'), readable('0516-8560001')]).toEqual(['139 0001 2345', '138****5678', '0516-8560001'])
  })

  it('a04: the redial guard is a sentence with its instant', () => {
    const guard = (at: string | null, message = '') => explain(new SeatError('redial_guard', message, at), zhCN)
    expect(guard(`${new Date().getFullYear()}-11-22T11:30:00+08:00`)).toBe('客户刚挂断过电话，11-22 11:30 之前不能再拨（人工也不行）。')
    expect(guard(null, '11:30 前不能再拨')).toBe('11:30 前不能再拨')
    expect(explain(new SeatError('strange', '线路忙'), en)).toBe('That did not work: 线路忙')
  })

  it('both languages have the same lists', () => {
    expect(en.presence.reasons).toHaveLength(zhCN.presence.reasons.length)
    expect(en.call.declineReasons).toHaveLength(zhCN.call.declineReasons.length)
  })
})
