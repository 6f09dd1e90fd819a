/** What the pages of a review compute: places in sound and text, rows of facts. Pure: no clock, no requests, no elements. */
import type { Comparison, Evidence, Finding, Peaks, Scorecard, Segment, Sheet, SheetItem, Truth } from './protocol'

export const RATES = [0.5, 0.75, 1, 1.25, 1.5, 2, 2.5, 3] as const
export const STEP_S = 5

/** The next slower or faster speed. */
export function rateAfter(rate: number, step: 1 | -1): number {
  const at = RATES.findIndex((one) => one >= rate - 0.001)
  return RATES[Math.min(Math.max((at < 0 ? RATES.length - 1 : at) + step, 0), RATES.length - 1)] ?? 1
}

/** `?t=12.3` of an address; anything else is the beginning. */
export function secondOf(text: unknown): number {
  const s = typeof text === 'string' && text.trim() !== '' ? Number(text) : 0
  return Number.isFinite(s) && s > 0 ? s : 0
}

/** For an address: tenths are enough to find a word. */
export function asSecond(s: number): string {
  return String(Math.round(s * 10) / 10)
}

/** 75.26 s → `1:15.2`. */
export function stamp(s: number): string {
  const tenths = Math.max(0, Math.floor(s * 10 + 1e-6))
  return `${Math.floor(tenths / 600)}:${String(Math.floor(tenths / 10) % 60).padStart(2, '0')}.${tenths % 10}`
}

/** Who speaks at `s`, or spoke last; -1 before the first word. */
export function turnAt(segments: readonly Segment[], s: number): number {
  let found = -1
  segments.forEach(({ start }, n) => start <= s + 0.05 && (found < 0 || start >= (segments[found]?.start ?? 0)) && (found = n))
  return found
}

/** Words of a text that carry a level; `alarm`: they need a person at once. */
export interface Piece {
  text: string
  level: number | null
  alarm: boolean
  rule: string | null
}

/** The level comes from words that were learned, not from a word of the table; `against` it, or where it has none. */
export function learned(rule: string): 'alone' | 'against' | null {
  if (rule.endsWith(':learned words, against the table')) return 'against'
  return rule.endsWith(':learned words') ? 'alone' : null
}

/** A text in pieces; evidence that does not stand in it (another recogniser heard it) is passed over, an alarm goes before a level. */
export function pieces(text: string, evidence: readonly Evidence[], alarms: readonly Evidence[]): Piece[] {
  const owner: (Piece | undefined)[] = Array.from({ length: text.length })
  const paint = (found: readonly Evidence[], alarm: boolean) => {
    for (const one of found) {
      const at = one.text === '' ? -1 : text.indexOf(one.text)
      if (at >= 0) owner.fill({ text: '', level: one.level, alarm, rule: one.rule }, at, at + one.text.length)
    }
  }
  paint(evidence, false)
  paint(alarms, true)
  const out: Piece[] = []
  let before: Piece | undefined
  for (let n = 0; n < text.length; n++) {
    const last = out.at(-1)
    if (last !== undefined && owner[n] === before) last.text += text[n]
    else out.push({ level: null, alarm: false, rule: null, ...owner[n], text: text[n] ?? '' })
    before = owner[n]
  }
  return out
}

/** The pieces of every segment: of a scorecard's evidence, what belongs to it by turn, or by time where the turn is not known. */
export function markedSegments(segments: readonly Segment[], card: Scorecard | null): Piece[][] {
  const turnOf = (one: Evidence) => one.turn ?? (one.from_s === null ? -1 : segments.findIndex((s) => s.channel === 'customer' && s.start <= one.from_s! && one.from_s! <= s.end))
  const of = (list: readonly Evidence[], n: number) => list.filter((one) => turnOf(one) === n)
  const evidence = card?.scores.flatMap((score) => score.evidence) ?? []
  return segments.map(({ text }, n) => pieces(text, of(evidence, n), of(card?.alarms ?? [], n)))
}

/** What may be jumped to, in the order of the recording, each second once. */
export function jumps(findings: readonly Finding[], card: Scorecard | null): number[] {
  const grave = findings.filter(({ severity }) => severity === 'red' || severity === 'amber').map(({ from_s }) => from_s)
  const all = [...grave, ...(card?.alarms ?? []).map(({ from_s }) => from_s)].filter((s) => s !== null)
  return [...new Set(all)].sort((a, b) => a - b)
}

/** The next or the last of `places` from `s`; a place that one stands on is passed. */
export function nextPlace(places: readonly number[], s: number, step: 1 | -1): number | null {
  return (step > 0 ? places.find((one) => one > s + 0.3) : places.filter((one) => one < s - 0.3).at(-1)) ?? null
}

const GRAVE: readonly string[] = ['red', 'amber', 'info', 'pass']

/** The gravest first, then as they stand on the recording. */
export function sortedFindings(findings: readonly Finding[]): Finding[] {
  return [...findings].sort((a, b) => GRAVE.indexOf(a.severity) - GRAVE.indexOf(b.severity) || (a.from_s ?? Infinity) - (b.from_s ?? Infinity) || a.rule.localeCompare(b.rule))
}

/** Lowest and highest of every pixel column of a lane, -1 to 1. */
export function columns(points: readonly (readonly [number, number])[], width: number): [number, number][] {
  if (points.length === 0) return []
  return Array.from({ length: width }, (_, x) => {
    const from = Math.floor((x * points.length) / width)
    const to = Math.max(from + 1, Math.floor(((x + 1) * points.length) / width))
    const part = points.slice(from, to)
    return [Math.min(...part.map(([low]) => low)) / 32768, Math.max(...part.map(([, high]) => high)) / 32768]
  })
}

/** A quiet voice fills its lane too, noise does not. */
export function gainOf(peaks: Peaks, channel: number): number {
  const loudest = Math.max(0, ...(peaks.channels[channel] ?? []).map(([low, high]) => Math.max(-low, high))) / 32768
  return loudest < 0.02 ? 1 : Math.min(1 / loudest, 8)
}

export interface FactRow {
  name: string
  claimed: string | null
  said: unknown
  agreement: Comparison['agreement'] | null
  by: string | null
  quote: string | null
  at_s: number | null
  reason: string
  alarm: boolean
}

/** The same fact under the name of the order's claim and under that of the extractor. */
const FACT_OF: Readonly<Record<string, string>> = {
  hours: 'machine_hours', requested_at: 'requested_time', arrived_at: 'arrival_time', finished_at: 'finish_time', fault_at: 'fault_time',
  location: 'location', parts: 'parts_replaced', fee: 'fee_yuan',
}

interface Said {
  value: unknown
  quote?: string | null
  at_s?: number | null
}

/** What the order claims beside what was said, differences first; then what was said besides. */
export function factRows(facts: Record<string, unknown> | null): { truth: Truth | null; rows: FactRow[] } {
  const truth = (facts?.truth ?? null) as Truth | null
  const compared = truth?.comparisons ?? []
  const order: readonly string[] = ['differs', 'agrees', 'not_said']
  const rows: FactRow[] = [...compared]
    .sort((a, b) => order.indexOf(a.agreement) - order.indexOf(b.agreement))
    .map(({ item, claimed, said, agreement, by, quote, at_s, reason, alarm }) => ({ name: FACT_OF[item] ?? item, claimed, said, agreement, by, quote, at_s, reason, alarm }))
  const known = new Set(rows.map(({ name }) => name))
  for (const [name, fact] of Object.entries(facts ?? {})) {
    if (name === 'truth' || known.has(name) || typeof fact !== 'object' || fact === null || !('value' in fact)) continue
    const { value, quote = null, at_s = null } = fact as Said
    rows.push({ name, claimed: null, said: value, agreement: null, by: null, quote, at_s, reason: '', alarm: false })
  }
  return { truth, rows }
}

/** A value as people write it; `words` has yes, no and the names of the extractor. */
export function shown(value: unknown, words: Readonly<Record<string, string>>): string {
  if (value === null || value === undefined) return ''
  if (Array.isArray(value)) return value.length === 0 ? (words.nothing ?? '') : value.map((one) => shown(one, words)).join('、')
  if (typeof value === 'boolean') return words[value ? 'yes' : 'no'] ?? ''
  return typeof value === 'string' ? (words[value] ?? value) : String(value)
}

export function itemsOf(sheet: Sheet | null): SheetItem[] {
  return sheet?.sections.flatMap(({ items }) => items) ?? []
}
