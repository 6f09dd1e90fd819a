/**
 * What the server says of agents' cards, calibration and re-scoring (`/agents/…`, `/calibrations`, `/rescoring`), and what their pages
 * compute of it. Pure: no clock, no requests, no elements.
 */
import { dayAfter } from './filters'
import type { Mark, Severity } from './protocol'

export type Unit = 'share' | 'seconds' | 'per_call' | 'per_100' | 'level' | 'points'

/** A mean of `n` calls beside the median of the agents. */
export interface Figure {
  value: number | null
  n: number
  small: boolean
  team_median: number | null
  team_agents: number
}

export interface Measure extends Figure {
  key: string
  title: string
  unit: Unit
}

export interface AgentCard {
  agent: string
  from: string
  to: string
  calls: number
  answered: number
  measures: Measure[]
  findings: { rule: string; severity: Severity; found: number; per_100: Figure }[]
  fatal: { title: string; sheets: number }[]
  disputes: { pending: number; upheld: number; dismissed: number; withdrawn: number }
}

export interface Agreement {
  reviewers: number
  items: Record<string, number>
  share: number
  statistic: 'cohen' | 'fleiss'
  kappa: number | null
}

export interface Calibration {
  id: string
  call_id: string
  form: string
  items: { key: string; title: string }[]
  opened_by: string
  opened_at: string
  closed_at: string | null
  reviewers: string[]
  handed_in: string[]
  sheets: Record<string, Record<string, Mark>>
  agreement: Agreement | null
}

export interface ChangedCell {
  indicator: string
  from: number | null
  to: number | null
  was: string[]
  becomes: string[]
  overridden: boolean
}

export interface Rescoring {
  id: string
  from: string
  to: string
  rubric: string
  calls: number
  cells: number
  changes: { call_id: string; order_no: string; cells: ChangedCell[] }[]
  made_by: string
  made_at: string
  state: 'proposed' | 'adopted' | 'dropped'
  decided_by: string | null
  decided_at: string | null
  decided_why: string | null
}

/** Of a comparison. */
export const STATE_TONES: Readonly<Record<Rescoring['state'], string>> = { proposed: 'warn', adopted: 'good', dropped: '' }

/** As people read it: a share in percent, a level with two decimals, the rest with one. */
export function figureText(value: number | null, unit: Unit, none: string): string {
  if (value === null) return none
  if (unit === 'share') return `${(value * 100).toFixed(1)}%`
  return unit === 'level' ? value.toFixed(2) : value.toFixed(1)
}

/** How far the bar of a figure and the mark of the median reach, 0 to 1: by the unit's range, or by the larger of the two. */
export function reach({ value, team_median, unit }: Measure): { value: number; median: number | null } {
  const [from, to] = { share: [0, 1], level: [1, 5], points: [0, 100], seconds: [0, 0], per_call: [0, 0], per_100: [0, 0] }[unit] as [number, number]
  const most = to > 0 ? to : Math.max(value ?? 0, team_median ?? 0) * 1.1
  const part = (one: number) => (most > from ? Math.min(Math.max((one - from) / (most - from), 0), 1) : 0)
  return { value: value === null ? 0 : part(value), median: team_median === null ? null : part(team_median) }
}

/** The figures as the page groups them; what it does not know comes last. */
const GROUPS = {
  calls: ['answered_share', 'completed_share', 'on_time_share', 'talk_s', 'talk_share', 'cut_ins'],
  quality: ['sheet', 'machine_sheet', 'fatal_share', 'corrected_share', 'red', 'amber'],
  satisfaction: ['skill', 'attitude', 'timeliness', 'parts', 'overall', 'index'],
} as const

export type Group = keyof typeof GROUPS

export function grouped(measures: readonly Measure[]): { group: Group; measures: Measure[] }[] {
  return (Object.keys(GROUPS) as Group[]).map((group) => {
    const keys: readonly string[] = GROUPS[group]
    return { group, measures: keys.flatMap((key) => measures.filter((one) => one.key === key)) }
  })
}

/** A name once, in the order in which they were typed; commas of both scripts, spaces and line ends part them. */
export function namesOf(text: string): string[] {
  return [...new Set(text.split(/[\s,，、;；]+/).filter((name) => name !== ''))]
}

/** Where a session stands for `me`. */
export function standing(session: Calibration, me: string): 'mine' | 'waiting' | 'done' {
  const all = session.reviewers.every((name) => session.handed_in.includes(name))
  if (session.closed_at !== null || all) return 'done'
  return session.reviewers.includes(me) && !session.handed_in.includes(me) ? 'mine' : 'waiting'
}

/** Of every indicator how many cells rise, fall, appear and go. */
export function summary(made: Rescoring): { indicator: string; up: number; down: number; gained: number; lost: number; overridden: number }[] {
  const cells = made.changes.flatMap((call) => call.cells)
  return [...new Set(cells.map(({ indicator }) => indicator))].map((indicator) => {
    const of = cells.filter((cell) => cell.indicator === indicator)
    const count = (such: (cell: ChangedCell) => boolean) => of.filter(such).length
    return {
      indicator,
      up: count(({ from, to }) => from !== null && to !== null && to > from),
      down: count(({ from, to }) => from !== null && to !== null && to < from),
      gained: count(({ from, to }) => from === null && to !== null),
      lost: count(({ from, to }) => from !== null && to === null),
      overridden: count(({ overridden }) => overridden),
    }
  })
}

/** The days of an address as the query of a request, the last one included; `''` where the address says nothing. */
export function periodOf(query: Readonly<Record<string, unknown>>): string {
  const wanted = new URLSearchParams()
  if (typeof query.from === 'string') wanted.set('from', query.from)
  if (typeof query.to === 'string') wanted.set('to', dayAfter(query.to))
  return wanted.size === 0 ? '' : `?${wanted.toString()}`
}
