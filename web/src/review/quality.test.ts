import { expect, it } from 'vitest'
import type { Calibration, Measure, Rescoring, Unit } from './quality'
import { figureText, grouped, namesOf, periodOf, reach, standing, summary } from './quality'

const measure = (key: string, unit: Unit, value: number | null, team_median: number | null): Measure => ({ key, title: key, unit, value, n: 20, small: false, team_median, team_agents: 3 })

it.each([
  [0.5, 'share', '50.0%'], [4.333, 'level', '4.33'], [12, 'per_100', '12.0'], [90.25, 'seconds', '90.3'], [null, 'points', '—'], [0, 'share', '0.0%'],
] as [number | null, Unit, string][])('%s as %s reads %s', (value, unit, shown) => expect(figureText(value, unit, '—')).toBe(shown))

it.each([
  [measure('a', 'share', 0.5, 0.25), { value: 0.5, median: 0.25 }],
  [measure('a', 'level', 3, 5), { value: 0.5, median: 1 }],
  [measure('a', 'points', 100, null), { value: 1, median: null }],
  [measure('a', 'per_100', 0, 0), { value: 0, median: 0 }],
  [measure('a', 'share', null, 1), { value: 0, median: 1 }],
])('a bar reaches as far as its unit allows: %o', (one, expected) => expect(reach(one)).toEqual(expected))

it('a bar without a range of its own is measured by the larger of the two', () => {
  const { value, median } = reach(measure('talk_s', 'seconds', 50, 100))
  expect(value).toBeCloseTo((median ?? 0) / 2)
  expect(median).toBeLessThan(1)
})

it('figures stand in their groups, and an unknown one in none', () => {
  const told = grouped([measure('index', 'level', 4, 4), measure('red', 'per_100', 1, 1), measure('new', 'share', 1, 1), measure('skill', 'level', 4, 4)])
  expect(told.map(({ group, measures }) => [group, ...measures.map(({ key }) => key)])).toEqual([['calls'], ['quality', 'red'], ['satisfaction', 'skill', 'index']])
})

it('names are parted by whatever people type between them, each once', () => {
  expect(namesOf(' qian，sun、 boss;qian\n')).toEqual(['qian', 'sun', 'boss'])
  expect(namesOf('  ')).toEqual([])
})

it.each([
  [['qian', 'sun'], ['sun'], null, 'mine'],
  [['qian', 'sun'], ['qian'], null, 'waiting'],
  [['anna', 'sun'], [], null, 'waiting'],
  [['qian', 'sun'], ['sun', 'qian'], null, 'done'],
  [['qian', 'sun'], [], '2026-11-22T10:00:00+08:00', 'done'],
] as [string[], string[], string | null, string][])('a session of %j with the sheets of %j, closed %s, is %s', (reviewers, handed_in, closed_at, expected) => {
  expect(standing({ reviewers, handed_in, closed_at } as unknown as Calibration, 'qian')).toBe(expected)
})

it('a comparison is summed up by indicator: up, down, gained, lost', () => {
  const cell = (indicator: string, from: number | null, to: number | null, overridden = false) => ({ indicator, from, to, was: [], becomes: [], overridden })
  const made = { changes: [{ call_id: 'a', order_no: 'A', cells: [cell('x', 2, 3), cell('y', null, 4, true)] }, { call_id: 'b', order_no: 'B', cells: [cell('x', 5, 1), cell('x', 5, null)] }] }
  expect(summary(made as unknown as Rescoring)).toEqual([
    { indicator: 'x', up: 1, down: 1, gained: 0, lost: 1, overridden: 0 },
    { indicator: 'y', up: 0, down: 0, gained: 1, lost: 0, overridden: 1 },
  ])
})

it('days of an address become a period, the last day included', () => {
  expect(periodOf({ from: '2026-11-01', to: '2026-11-30' })).toBe('?from=2026-11-01&to=2026-12-01')
  expect(periodOf({ seat: 'li' })).toBe('')
})
