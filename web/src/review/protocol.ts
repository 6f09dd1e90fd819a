/** What the server says about calls and their reviews: of `/api/v1/reviews`, `/calls/{id}/…` and `/disputes` what the pages read. */

export type Channel = 'agent' | 'customer'
export type Outcome =
  | 'answered' | 'busy' | 'no_answer' | 'declined' | 'hung_up' | 'unreachable' | 'invalid_number' | 'trunk_failure' | 'auth_failed'
  | 'recorder_failed' | 'cancelled'
export type ReviewState = 'waiting' | 'claimed' | 'reviewed'
export type Why = 'alarm' | 'disagreement' | 'sampled' | 'agent_minimum'
export type Severity = 'pass' | 'info' | 'amber' | 'red'
export type Agreement = 'agrees' | 'differs' | 'not_said'
export type Mark = 'met' | 'not_met' | 'not_applicable'
export type Stage = 'open' | 'answered' | 'upheld' | 'dismissed' | 'withdrawn'

export interface Review {
  call_id: string
  state: ReviewState
  reviewer: string | null
  since: string | null
  why: Why | null
  alarms: number
  disagreement: boolean
  index: number | null
}

/** A row of the list. */
export interface ListedCall {
  id: string
  order_no: string
  to: string
  programme: string
  seat: string | null
  claimed_at: string | null
  talk_s: number | null
  outcome: Outcome | null
  recorded: boolean
  review: Review | null
}

export interface Gap {
  channel: Channel
  from_s: number
  to_s: number
  reason: string
}

export interface Recording {
  seconds: number
  state: string
  gaps: Gap[]
}

export interface Segment {
  channel: Channel
  start: number
  end: number
  text: string
  confidence: number
  also_heard: { engine: string; text: string }[]
}

/** Words that carry a level; `turn` is an index into the segments. */
export interface Evidence {
  text: string
  level: number
  rule: string
  from_s: number | null
  turn: number | null
  heard_by: string | null
}

export interface Score {
  indicator: string
  level: number | null
  machine_level: number | null
  null_reason: 'not_asked' | 'no_evidence' | 'not_applicable' | null
  evidence: Evidence[]
  /** Another recogniser, or a key, says a clearly different level. */
  disagreement?: { chosen: number | null; other: number | null; engine: string; text: string } | null
  human: { level: number | null; reason: string; by: string; at: string } | null
}

export interface Scorecard {
  rubric: string
  index: { mean: number | null; n_scored: number; partial_mean: number | null }
  scores: Score[]
  alarms: Evidence[]
}

export interface Comparison {
  item: string
  rule: string
  agreement: Agreement
  claimed: string
  said: string | null
  by: string | null
  quote: string | null
  at_s: number | null
  reason: string
  alarm: boolean
}

export interface Truth {
  verdict: string
  reasons: string[]
  comparisons: Comparison[]
}

export interface Finding {
  rule: string
  severity: Severity
  seen: string
  expected: string
  from_s: number | null
  to_s: number | null
}

export interface ReportCall {
  id: string
  order_no: string
  to: string
  programme: string
  outcome: Outcome | null
  hung_up_by: string | null
  claimed_at: string | null
  talk_s: number | null
  seat: string | null
  note: string | null
  recording: Recording | null
}

/** `GET /calls/{id}/report`. */
export interface Report {
  order: { service_type: string; customer: { name: string | null; title: string | null; phone: string }; claims: { product?: string | null; engineer?: string | null } }
  call: ReportCall
  transcript: { engine: string; model: string; segments: Segment[] } | null
  scorecard: Scorecard | null
  facts: { facts: Record<string, unknown> } | null
  findings: { findings: Finding[] } | null
}

/** Per channel and point the lowest and the highest sample. */
export interface Peaks {
  seconds: number
  channels: [number, number][][]
}

export interface SheetItem {
  key: string
  title: string
  points: number
  fatal: boolean
  mark: Mark | null
  machine: { mark: Mark; rule: string | null; seen: string | null; from_s: number | null } | null
  human: { mark: Mark; reason: string; by: string; at: string } | null
}

export interface Sheet {
  form: string
  title: string
  version: number
  total: number | null
  fatal: string[]
  open: number
  sections: { title: string; weight: number; items: SheetItem[] }[]
}

export interface Dispute {
  id: string
  call_id: string
  item: string
  stage: Stage
  steps: { act: string; by: string; at: string; text: string }[]
}

export interface Listing<T> {
  items: T[]
  next: string | null
}
