/** What is said on the visit with everything, as the server tells it bit by bit. */
import type { Live } from '../src/seat/protocol'
import { FULL } from './visits'

const standing = (answered: Record<string, number | null>, asked: string[] = []): Live['questions'] =>
  FULL.script.steps
    .filter(({ ask }) => ask)
    .map(({ step }) => ({
      step,
      standing: step in answered ? 'answered' : asked.includes(step) ? 'asked' : 'open',
      level: answered[step] ?? null,
    }))

const silent: Live = {
  call: 'call-1', state: 'listening', missed_s: 0, lines: [], questions: standing({}), facts: [], warnings: [], hints: [],
}

const lines: Live['lines'] = [
  { n: 0, speaker: 'agent', from_s: 0.8, to_s: 3.1, text: '您好请问您是王先生吗', done: true },
  { n: 1, speaker: 'customer', from_s: 3.6, to_s: 4.4, text: '对我就是', done: true },
  { n: 2, speaker: 'agent', from_s: 5, to_s: 7.9, text: '请问设备现在的实际工作小时是多少', done: true },
  { n: 3, speaker: 'customer', from_s: 8.4, to_s: 10.2, text: '九百八十六个小时', done: true },
  { n: 4, speaker: 'agent', from_s: 11, to_s: 13.6, text: '您对配件供应满意吗', done: true },
  { n: 5, speaker: 'customer', from_s: 14.1, to_s: 16, text: '还行吧就是', done: true },
  { n: 6, speaker: 'customer', from_s: 17.9, to_s: 20.3, text: '再这样我就投诉到你们总部', done: true },
]
const hours: Live['facts'] = [
  { fact: 'machine_hours', said: '986小时', claimed: '1520小时', agreement: 'differs', quote: '九百八十六个小时' },
]

/** A part, an answer, a customer who trails off, and one who warns. */
export const TALK: Live[] = [
  { ...silent, lines: [...lines.slice(0, 1), { ...lines[1]!, text: '对我', done: false }] },
  { ...silent, lines: lines.slice(0, 4), questions: standing({ identity: null, ask_hours: null }), facts: hours },
  {
    ...silent,
    lines: lines.slice(0, 6),
    questions: standing({ identity: null, ask_hours: null }, ['score_parts']),
    facts: hours,
    hints: [{ kind: 'hesitated', quote: '还行吧就是' }],
  },
  {
    ...silent,
    lines,
    missed_s: 2.4,
    questions: standing({ identity: null, ask_hours: null, score_parts: 2 }),
    facts: [...hours, { fact: 'fee_yuan', said: '2800元', claimed: null, agreement: null, quote: '收了两千八' }],
    warnings: [{ kind: 'alarm', quote: '投诉到你们总部', at_s: 17.9 }],
  },
]
