/** What the mock tells a reviewer: calls with sound, words, scores, facts and findings; and what he did about them. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Dispute, Finding, ListedCall, Report, Review, Score, Segment, Sheet } from '../src/review/protocol'
import { wavFile } from './wav'

const RATE = 8000
/** The sound of a mocked call, seconds. */
export const SECONDS = 42
const INDICATORS = ['服务技能', '服务态度', '服务及时性', '配件供应', '服务综合']

/** Who speaks, from, to, what. */
const TALK: [Segment['channel'], number, number, string][] = [
  ['agent', 1, 5.2, '您好，这里是××机械客户服务中心，我是客服代表。请问您是王先生吗？'],
  ['customer', 5.6, 6.8, '哎 是我'],
  ['agent', 7.2, 9.9, '想耽误您两分钟做个回访，您看方便吗？'],
  ['customer', 10.2, 11.4, '行 你说吧'],
  ['agent', 11.8, 14.2, '请问设备现在的实际工作小时是多少？'],
  ['customer', 14.6, 17.5, '一千零四十二个小时左右吧'],
  ['agent', 18, 20.6, '您对工程师的服务技能满意吗？'],
  ['customer', 21, 23.4, '非常满意 师傅手艺好'],
  ['agent', 23.8, 25.9, '您对服务态度满意吗？'],
  ['customer', 26.2, 28.8, '态度挺好的 就是来得太慢了'],
  ['agent', 29.2, 31.4, '配件供应您满意吗？'],
  ['customer', 31.8, 35.2, '等了三天才到货 再这样我就去投诉你们'],
  ['agent', 35.6, 37.8, '总的来说您对这次服务满意吗？'],
  ['customer', 38.1, 39.6, '一般吧'],
  ['agent', 40, 41.6, '感谢您的配合，再见。'],
]

function score(n: number, level: number | null, words: string | null, turn: number): Score {
  const evidence = words === null || level === null ? [] : [{ text: words, level, rule: n === 4 ? `${INDICATORS[n]}:learned words` : words, from_s: TALK[turn]?.[1] ?? null, turn, heard_by: n === 2 ? 'vosk' : null }]
  const disagreement = n === 4 ? { chosen: level, other: 1, engine: 'table', text: '投诉你们' } : null
  return { indicator: INDICATORS[n] ?? '', level, machine_level: level, null_reason: level === null ? 'not_asked' : null, evidence, disagreement, human: null }
}

const FINDINGS: Finding[] = [
  { rule: 'C01', severity: 'pass', seen: '录音完整：42.0 秒 / 通话 41.0 秒', expected: '', from_s: null, to_s: null },
  { rule: 'D04', severity: 'red', seen: '工单写 1520 小时，客户说 1042 小时，相差 478 小时', expected: '工作小时与服务订单一致', from_s: 14.6, to_s: 17.5 },
  { rule: 'C18', severity: 'amber', seen: '客户说一般，没有追问原因', expected: '必须追问不满意的原因', from_s: 38.1, to_s: 39.6 },
  { rule: 'C26', severity: 'amber', seen: '结束时没有说热线', expected: '说结束语和 400 658 9888', from_s: 40, to_s: 41.6 },
  { rule: 'C05', severity: 'pass', seen: '开场说明了公司和身份', expected: '', from_s: 1, to_s: 5.2 },
  { rule: 'C16', severity: 'pass', seen: '客户先挂机', expected: '', from_s: 42, to_s: null },
]

const FACTS = {
  machine_hours: { value: 1042, quote: '一千零四十二个小时左右', at_s: 14.6, turn: 5 },
  arrival_time: null,
  running_normal: { value: true, quote: '现在好用', at_s: 22, turn: 7 },
  parts_replaced: { value: ['机油', '机滤'], quote: '换了机油机滤', at_s: 33, turn: 11 },
  respondent: { value: 'confirmed', quote: '哎 是我', at_s: 5.6, turn: 1 },
  truth: {
    verdict: 'contradicted',
    reasons: ['工作小时相差 478 小时'],
    comparisons: [
      { item: 'parts', rule: 'D17', agreement: 'agrees', claimed: '机油、机滤', said: '机油、机滤', by: null, quote: '换了机油机滤', at_s: 33, turn: 11, reason: '一致', alarm: false },
      { item: 'hours', rule: 'D04', agreement: 'differs', claimed: '1520 小时', said: '1042 小时', by: '相差 478 小时', quote: '一千零四十二个小时左右', at_s: 14.6, turn: 5, reason: '工作小时相差 478 小时', alarm: true },
      { item: 'location', rule: 'D11', agreement: 'not_said', claimed: '江苏省徐州市铜山区棠张镇前八段村高速公路连接线三标段施工工地', said: null, by: null, quote: null, at_s: null, turn: null, reason: '客户没有说', alarm: false },
    ],
  },
}

function sheet(): Sheet {
  const item = (key: string, title: string, mark: 'met' | 'not_met' | null, fatal = false) => ({
    key, title, points: 5, fatal, mark, human: null,
    machine: mark === null ? null : { mark, rule: mark === 'not_met' ? 'C18' : null, seen: mark === 'not_met' ? '没有追问原因' : null, from_s: mark === 'not_met' ? 38.1 : null },
  })
  return {
    form: 'qa-form@2', title: '电话回访质检表', version: 1, total: 71.4, fatal: [], open: 2,
    sections: [
      { title: '开场', weight: 25, items: [item('company', '说明公司和身份', 'met'), item('identity', '核对客户身份', 'met'), item('consent', '征求同意后才开始提问', 'met')] },
      { title: '提问', weight: 35, items: [item('probe', '不满意时追问原因', 'not_met'), item('leading', '不诱导、不代答', null)] },
      { title: '底线', weight: 1, items: [item('honest', '记录与客户原话一致，不编造', null, true)] },
    ],
  }
}

interface MockCall {
  listed: ListedCall
  report: Report
  sheet: Sheet | null
}

export class MockReview {
  readonly calls: MockCall[] = []
  disputes: Dispute[] = []
  /** What was asked for: method, path, body. */
  readonly acts: string[] = []
  /** The next act is refused with this sentence. */
  refusal: string | null = null
  /** Everything answers 503. */
  down = false
  /** Links are refused, as if they had grown too old. */
  stale = false
  /** Byte ranges of the recording that were asked for. */
  readonly ranges: string[] = []
  private links = 0
  private readonly sound = sound()

  constructor() {
    for (let n = 0; n < 60; n++) this.calls.push(call(n))
  }

  /** True when it was a request of a reviewer. `who` is the name behind the token; links need none. */
  async answer(req: IncomingMessage, res: ServerResponse, who: string | null): Promise<boolean> {
    const url = new URL(req.url ?? '/', 'http://mock')
    const path = decodeURIComponent(url.pathname.replace('/api/v1', ''))
    const reply = (status: number, body: unknown) => {
      res.writeHead(status, { 'Content-Type': status < 400 ? 'application/json' : 'application/problem+json' })
      res.end(JSON.stringify(body))
      return true
    }
    const problem = (status: number, kind: string, detail: string) => reply(status, { type: `urn:huifang:problem:${kind}`, title: kind, status, detail })
    if (path.startsWith('/listen/')) return this.stale ? problem(401, 'unauthenticated', 'too old') : this.send(req, res)
    if (who === null || !/^\/(reviews|programmes|disputes|calls\/r\d+)\b/.test(path)) return false
    if (this.down) return problem(503, 'unavailable', 'down')
    if (path === '/programmes') return reply(200, { items: [{ name: 'excavator', title: '挖掘机服务回访' }, { name: 'dealer', title: '经销商回访' }] })
    if (path === '/reviews') return reply(200, this.list(url.searchParams))
    if (path === '/disputes') return reply(200, { items: this.disputes.filter((one) => one.call_id === url.searchParams.get('call')), next: null })
    const [, , id = '', part = '', last = ''] = path.split('/')
    const found = this.calls.find((one) => one.listed.id === id)
    if (found === undefined) return problem(404, 'not-found', `no call ${id}`)
    if (req.method === 'GET') {
      if (part === 'report') return reply(200, found.report)
      if (part === 'peaks' && found.report.call.recording) return reply(200, { call_id: id, seconds: SECONDS, channels: this.peaks(Number(url.searchParams.get('points'))) })
      if (part === 'review' && found.listed.review) return reply(200, found.listed.review)
      if (part === 'qa' && found.sheet) return reply(200, found.sheet)
      return problem(404, 'not-found', `no ${part}`)
    }
    const parts: Buffer[] = []
    for await (const one of req) parts.push(one as Buffer)
    const text = Buffer.concat(parts).toString()
    if (part === 'listen') return reply(201, { url: `/api/v1/listen/${id}.${this.links++}`, expires_at: '2099-01-01T00:00:00+08:00' })
    this.acts.push([req.method, path, text].filter(Boolean).join(' '))
    if (this.refusal !== null) {
      const detail = this.refusal
      this.refusal = null
      return problem(409, 'conflict', detail)
    }
    const body = (text === '' ? {} : JSON.parse(text)) as { level?: number | null; reason?: string; mark?: 'met' | 'not_met' | 'not_applicable'; item?: string }
    if (part === 'scorecard' && found.report.scorecard) {
      const card = found.report.scorecard
      for (const one of card.scores) if (one.indicator === last) Object.assign(one, { level: body.level, human: { level: body.level, reason: body.reason, by: who, at: new Date().toISOString() } })
      return reply(200, card)
    }
    if (part === 'qa') {
      const one = found.sheet?.sections.flatMap(({ items }) => items).find(({ key }) => key === last)
      if (one && body.mark) Object.assign(one, { mark: body.mark, human: { mark: body.mark, reason: body.reason, by: who, at: new Date().toISOString() } })
      return reply(200, found.sheet)
    }
    if (part === 'disputes') {
      const dispute: Dispute = { id: `d${this.disputes.length}`, call_id: id, item: body.item ?? '', stage: 'open', steps: [{ act: 'object', by: who, at: new Date().toISOString(), text: body.reason ?? '' }] }
      this.disputes.unshift(dispute)
      return reply(201, dispute)
    }
    const review = found.listed.review
    if (review === null) return problem(404, 'not-found', 'no review')
    const state = ({ claim: 'claimed', finish: 'reviewed' } as Record<string, Review['state']>)[last] ?? 'waiting'
    Object.assign(review, { state, reviewer: state === 'waiting' ? null : who, since: state === 'waiting' ? null : new Date().toISOString() } satisfies Partial<Review>)
    return reply(200, review)
  }

  private list(wanted: URLSearchParams): { items: ListedCall[]; next: string | null } {
    const [from, limit] = [Number(wanted.get('cursor') ?? 0), Number(wanted.get('limit') ?? 50)]
    const is = (name: string, value: string | null | undefined) => !wanted.has(name) || wanted.get(name) === value
    const fits = ({ listed }: MockCall) =>
      is('seat', listed.seat) && is('outcome', listed.outcome) && is('state', listed.review?.state) && is('why', listed.review?.why) &&
      (!wanted.has('alarm') || (listed.review?.alarms ?? 0) > 0) && (!wanted.has('due') || listed.review?.why != null) &&
      (!wanted.has('q') || listed.order_no.includes(wanted.get('q') ?? ''))
    const found = this.calls.filter(fits).map(({ listed }) => listed)
    return { items: found.slice(from, from + limit), next: found.length > from + limit ? String(from + limit) : null }
  }

  private peaks(points: number): [number, number][][] {
    const frames = (this.sound.length - 44) / 4
    return [0, 1].map((channel) =>
      Array.from({ length: points }, (_, n) => {
        let [low, high] = [0, 0]
        for (let at = Math.floor((n * frames) / points); at < Math.floor(((n + 1) * frames) / points); at += 7) {
          const sample = this.sound.readInt16LE(44 + at * 4 + channel * 2)
          low = Math.min(low, sample)
          high = Math.max(high, sample)
        }
        return [low, high]
      }),
    )
  }

  /** As the server sends a recording: whole, or a range of it. */
  private send(req: IncomingMessage, res: ServerResponse): boolean {
    const [, first = '', last = ''] = /^bytes=(\d+)-(\d*)$/.exec(req.headers.range ?? '') ?? []
    const head = { 'Content-Type': 'audio/wav', 'Accept-Ranges': 'bytes' }
    if (first === '') {
      res.writeHead(200, { ...head, 'Content-Length': this.sound.length })
      res.end(this.sound)
      return true
    }
    this.ranges.push(req.headers.range ?? '')
    const to = last === '' ? this.sound.length - 1 : Math.min(Number(last), this.sound.length - 1)
    res.writeHead(206, { ...head, 'Content-Length': to - Number(first) + 1, 'Content-Range': `bytes ${first}-${to}/${this.sound.length}` })
    res.end(this.sound.subarray(Number(first), to + 1))
    return true
  }
}

/** The first is the one with everything; every fourth was not answered. */
function call(n: number): MockCall {
  const id = `r${n}`
  const answered = n % 4 !== 3
  const at = new Date(Date.UTC(2026, 10, 22, 2, 0, 0) - n * 17 * 60_000).toISOString().replace('Z', '+00:00')
  const alarms = n % 5 === 0 && answered ? 2 : 0
  const scores = [score(0, 5, '非常满意', 7), score(1, 4, '挺好', 9), score(2, 2, '太慢', 9), score(3, 1, '等了三天', 11), score(4, 3, '一般', 13)]
  const review: Review | null = answered
    ? { call_id: id, state: n === 4 ? 'reviewed' : 'waiting', reviewer: n === 4 ? 'zhao' : null, since: n === 4 ? at : null, why: alarms > 0 ? 'alarm' : n % 7 === 1 ? 'sampled' : null, alarms, disagreement: false, index: 3 + (n % 3) / 2 }
    : null
  const listed: ListedCall = {
    id, order_no: `FW202611220${String(n).padStart(2, '0')}`, to: '138****5678', programme: n % 6 === 5 ? 'dealer' : 'excavator', seat: n % 3 === 0 ? 'li' : n % 3 === 1 ? 'chen' : null,
    claimed_at: at, talk_s: answered ? 41 : null, outcome: answered ? 'answered' : 'no_answer', recorded: answered, review,
  }
  const segments = TALK.map(([channel, start, end, text], turn) => ({ channel, start, end, text, confidence: 0.8, also_heard: turn === 9 ? [{ engine: 'vosk', text: '态度挺好的就是来的太慢了' }] : [] }))
  const report: Report = {
    order: { service_type: '保养', customer: { name: n === 0 ? '王建国' : '欧阳', title: '先生', phone: '138****5678' }, claims: { product: 'XE215C', engineer: '李强' } },
    call: { ...listed, hung_up_by: answered ? 'customer' : null, note: n === 0 ? '客户嫌到货慢，说再这样就投诉。' : null, recording: answered ? { seconds: SECONDS, state: 'complete', gaps: [{ channel: 'customer', from_s: 17.6, to_s: 18.4, reason: 'loss' }] } : null },
    transcript: answered ? { engine: 'whisper', model: 'ggml-base.bin', segments } : null,
    scorecard: answered
      ? {
          rubric: 'after-sales-zh@2', index: { mean: 3, n_scored: 5, partial_mean: 3 }, scores,
          alarms: alarms > 0 ? [{ text: '投诉', level: 1, rule: '投诉', from_s: 31.8, turn: 11, heard_by: null }] : [],
        }
      : null,
    facts: answered ? { facts: FACTS } : null,
    findings: answered ? { findings: FINDINGS } : null,
  }
  return { listed, report, sheet: answered ? sheet() : null }
}

/** Two voices on two channels: a tone each while they speak, rough so that it looks like speech. */
function sound(): Buffer {
  const channels = [new Int16Array(SECONDS * RATE), new Int16Array(SECONDS * RATE)]
  for (const [channel, from, to] of TALK) {
    const [hz, samples] = channel === 'agent' ? [330, channels[0]] : [210, channels[1]]
    for (let n = Math.floor(from * RATE); n < to * RATE; n++) {
      const syllable = Math.abs(Math.sin((n / RATE) * 9)) * (0.6 + 0.4 * Math.sin((n / RATE) * 2.3))
      samples?.fill(Math.round(9000 * syllable * Math.sin((2 * Math.PI * hz * n) / RATE)), n, n + 1)
    }
  }
  return wavFile(RATE, channels)
}
