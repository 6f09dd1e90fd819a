/** What the mock tells of agents' cards, calibration and re-scoring, and what was done about them. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Mark } from '../src/review/protocol'
import type { Agreement, AgentCard, Calibration, Figure, Measure, Rescoring, Unit } from '../src/review/quality'

const MEASURES: readonly (readonly [string, string, Unit, number, number])[] = [
  ['answered_share', '接通率', 'share', 0.82, 0.78], ['completed_share', '接通后完成率', 'share', 0.94, 0.9], ['on_time_share', '按时首呼率', 'share', 0.97, 0.95],
  ['talk_s', '平均通话秒数', 'seconds', 131.4, 118.2], ['talk_share', '坐席说话占比', 'share', 0.58, 0.61], ['cut_ins', '每通打断客户次数', 'per_call', 0.4, 0.7],
  ['red', '每百通红色发现', 'per_100', 1.8, 2.5], ['amber', '每百通黄色发现', 'per_100', 41.2, 36.4], ['sheet', '质检得分', 'points', 88.1, 84], ['machine_sheet', '质检得分（机器）', 'points', 86.5, 83.2],
  ['fatal_share', '触及底线项的通话', 'share', 0.02, 0.03], ['corrected_share', '人工改过的质检表', 'share', 0.11, 0.09], ['skill', '服务技能', 'level', 4.61, 4.4],
  ['attitude', '服务态度', 'level', 4.72, 4.5], ['timeliness', '服务及时性', 'level', 4.05, 4.1], ['parts', '配件供应', 'level', 3.9, 4], ['overall', '服务综合', 'level', 4.4, 4.3], ['index', '满意度指数', 'level', 4.35, 4.26],
]

function figure(value: number, median: number, n: number): Figure {
  return { value: n === 0 ? null : value, n, small: n < 10, team_median: median, team_agents: 3 }
}

function card(agent: string, n: number): AgentCard {
  const measures: Measure[] = MEASURES.map(([key, title, unit, value, median]) => ({ key, title, unit, ...figure(value, median, n) }))
  return {
    agent, from: '2026-11-01T00:00:00+08:00', to: '2026-11-22T14:00:00+08:00', calls: n, answered: Math.round(n * 0.82), measures,
    findings: n === 0 ? [] : [
      { rule: 'D04', severity: 'red', found: 1, per_100: figure(1.8, 0, n) },
      { rule: 'C18', severity: 'amber', found: 14, per_100: figure(25, 20, n) },
      { rule: 'C26', severity: 'amber', found: 9, per_100: figure(16.1, 16.4, n) },
      { rule: 'C10', severity: 'info', found: 3, per_100: figure(5.4, 7, n) },
    ],
    fatal: n === 0 ? [] : [{ title: '记录与客户原话一致，不编造', sheets: 1 }],
    disputes: n === 0 ? { pending: 0, upheld: 0, dismissed: 0, withdrawn: 0 } : { pending: 1, upheld: 2, dismissed: 1, withdrawn: 0 },
  }
}

const ITEMS = [
  { key: 'company', title: '说明公司和身份' }, { key: 'identity', title: '核对客户身份' }, { key: 'consent', title: '征求同意后才开始提问' },
  { key: 'probe', title: '不满意时追问原因' }, { key: 'leading', title: '不诱导、不代答' }, { key: 'honest', title: '记录与客户原话一致，不编造' },
]

function session(id: string, reviewers: string[], sheets: Calibration['sheets']): Calibration {
  const one: Calibration = {
    id, call_id: 'r0', form: 'qa-form@2', items: ITEMS, opened_by: 'boss', opened_at: '2026-11-22T09:30:00+08:00', closed_at: null, reviewers,
    handed_in: Object.keys(sheets), sheets, agreement: null,
  }
  return { ...one, agreement: agreement(one) }
}

/** Enough for a page: shares of agreeing pairs; kappa is the server's business. */
function agreement({ reviewers, handed_in, sheets }: Calibration): Agreement | null {
  if (handed_in.length < reviewers.length) return null
  const marks = (key: string) => reviewers.map((name) => sheets[name]?.[key])
  const items = Object.fromEntries(ITEMS.map(({ key }) => [key, new Set(marks(key)).size === 1 ? 1 : 0]))
  const share = Object.values(items).reduce((sum, one) => sum + one, 0) / ITEMS.length
  return { reviewers: reviewers.length, items, share, statistic: reviewers.length === 2 ? 'cohen' : 'fleiss', kappa: 0.571 }
}

const all = (mark: Mark, changes: Record<string, Mark> = {}) => Object.fromEntries(ITEMS.map(({ key }) => [key, changes[key] ?? mark]))

function rescoring(id: string, state: Rescoring['state']): Rescoring {
  const changes: Rescoring['changes'] = id === 's0'
    ? [
        { call_id: 'r0', order_no: 'FW20261122000', cells: [
          { indicator: '服务及时性', from: 2, to: 3, was: ['太慢'], becomes: ['有点慢'], overridden: false },
          { indicator: '配件供应', from: null, to: 2, was: [], becomes: ['等了三天'], overridden: true },
        ] },
        { call_id: 'r2', order_no: 'FW20261122002', cells: [{ indicator: '服务及时性', from: 4, to: 3, was: ['还行'], becomes: ['还行'], overridden: false }] },
      ]
    : []
  const decided = state === 'proposed' ? [null, null, null] as const : ['boss', '2026-11-20T10:00:00+08:00', '只是试算'] as const
  return {
    id, from: '2026-11-01T00:00:00+08:00', to: '2026-11-22T00:00:00+08:00', rubric: id === 's0' ? 'after-sales-zh@3' : 'after-sales-zh@2', calls: 46,
    cells: changes.reduce((sum, call) => sum + call.cells.length, 0), changes, made_by: 'boss', made_at: '2026-11-22T10:00:00+08:00', state,
    decided_by: decided[0], decided_at: decided[1], decided_why: decided[2],
  }
}

export class MockQuality {
  /** What was asked for: method, path, body. */
  readonly acts: string[] = []
  /** The next act is refused with this sentence. */
  refusal: string | null = null
  /** Everything answers 503. */
  down = false
  cards = [card('li', 56), card('anna', 4), card('chen', 31)]
  sessions = [
    session('k0', ['qian', 'boss', 'sun'], { boss: all('met', { probe: 'not_met' }), sun: all('met', { consent: 'not_applicable' }) }),
    session('k1', ['boss', 'sun'], { boss: all('met', { probe: 'not_met' }), sun: all('met') }),
  ]
  made = [rescoring('s0', 'proposed'), rescoring('s1', 'dropped')]

  /** True when it was a request for one of these pages. */
  async answer(req: IncomingMessage, res: ServerResponse, who: string, reviews: boolean): Promise<boolean> {
    const url = new URL(req.url ?? '/', 'http://mock')
    const [, kind, id = '', part = ''] = decodeURIComponent(url.pathname.replace('/api/v1', '')).split('/')
    const reply = (status: number, body: unknown) => {
      res.writeHead(status, { 'Content-Type': status < 400 ? 'application/json' : 'application/problem+json' })
      res.end(JSON.stringify(body))
      return true
    }
    const problem = (status: number, name: string, detail: string) => reply(status, { type: `urn:huifang:problem:${name}`, title: name, status, detail })
    if (kind !== 'agents' && kind !== 'calibrations' && kind !== 'rescoring') return false
    if (this.down) return problem(503, 'unavailable', 'down')
    const parts: Buffer[] = []
    for await (const one of req) parts.push(one as Buffer)
    const text = Buffer.concat(parts).toString()
    if (req.method !== 'GET') {
      this.acts.push([req.method, `/${[kind, id, part].filter(Boolean).join('/')}`, text].filter(Boolean).join(' '))
      if (this.refusal !== null) {
        const detail = this.refusal
        this.refusal = null
        return problem(409, 'conflict', detail)
      }
    } else this.acts.push(`GET /${kind}/${id}${url.search}`)
    const body = (text === '' ? {} : JSON.parse(text)) as { marks?: Record<string, Mark>; reason?: string; call_id?: string; reviewers?: string[] }
    if (kind === 'agents') {
      if (id === 'scorecards') return reply(200, { from: this.cards[0]?.from ?? '', to: this.cards[0]?.to ?? '', items: this.cards.filter(({ calls }) => calls > 0) })
      if (!reviews && id !== who) return problem(403, 'forbidden', 'role agent may not correct scores')
      const found = this.cards.find(({ agent }) => agent === id)
      return found ? reply(200, found) : problem(404, 'not-found', `no seat ${id}`)
    }
    if (kind === 'calibrations') {
      if (req.method === 'POST' && id === '') {
        this.sessions.unshift(session(`k${this.sessions.length}`, body.reviewers ?? [], {}))
        return reply(201, this.shown(this.sessions[0]!, who))
      }
      if (id === '') return reply(200, { items: this.sessions.map((one) => this.shown(one, who)), next: null })
      const found = this.sessions.find((one) => one.id === id)
      if (found === undefined) return problem(404, 'not-found', `no session ${id}`)
      if (part === 'sheet' && body.marks) {
        found.sheets = { ...found.sheets, [who]: body.marks }
        found.handed_in = [...found.handed_in, who]
      }
      if (part === 'close') found.closed_at = new Date().toISOString()
      found.agreement = agreement(found)
      return reply(200, this.shown(found, who))
    }
    if (req.method === 'POST' && id === '') {
      this.made.unshift(rescoring(`s${this.made.length}`, 'proposed'))
      return reply(201, this.made[0])
    }
    if (id === '') return reply(200, { items: this.made, next: null })
    const found = this.made.find((one) => one.id === id)
    if (found === undefined) return problem(404, 'not-found', `no comparison ${id}`)
    if (part !== '') Object.assign(found, { state: part === 'adopt' ? 'adopted' : 'dropped', decided_by: who, decided_at: '2026-11-22T11:00:00+08:00', decided_why: body.reason ?? null })
    return reply(200, found)
  }

  /** Blind: one's own sheet only. */
  private shown(one: Calibration, who: string): Calibration {
    const open = one.closed_at !== null || one.handed_in.length === one.reviewers.length
    return open ? one : { ...one, sheets: Object.fromEntries(Object.entries(one.sheets).filter(([name]) => name === who)) }
  }
}
