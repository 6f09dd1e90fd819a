/** Two visits as the server would send them: one with everything and long words, one that is plain. */
import type { Call } from '../src/seat/protocol'

type Visit = Omit<Call, 'phase' | 'phase_since' | 'call' | 'muted' | 'held' | 'end' | 'note' | 'outcome' | 'hung_up_by'>

const steps: Call['script']['steps'] = [
  { step: 'greeting', title: '问候与告知', say: '您好，这里是××机械客户服务中心，我是客服代表。为保证服务质量，本次通话将被录音。', ask: false, indicator: null, facts: [] },
  { step: 'identity', title: '确认身份', say: '请问您是王先生吗？', ask: true, indicator: null, facts: ['respondent'] },
  { step: 'consent', title: '征得同意', say: '想耽误您两分钟，对这次保养做个回访，您看方便吗？', ask: true, indicator: null, facts: ['consent'] },
  { step: 'ask_hours', title: '工作小时', say: '请问设备现在的实际工作小时是多少？', ask: true, indicator: null, facts: ['machine_hours'] },
  { step: 'ask_times', title: '到场与完成', say: '工程师是什么时间到现场的？服务是什么时间完成的？', ask: true, indicator: null, facts: ['arrival_time', 'finish_time'] },
  { step: 'ask_checks', title: '检查与更换', say: '工程师对设备做了哪些检查？更换了哪些油品和滤芯？（用户不耐烦时可以提示：机油、柴滤、机滤、空滤、润滑脂。）', ask: true, indicator: null, facts: ['checks', 'parts_replaced', 'location'] },
  { step: 'score_skill', title: '服务技能', say: '您对工程师的服务技能满意吗？', ask: true, indicator: '服务技能', facts: [] },
  { step: 'score_attitude', title: '服务态度', say: '您对工程师的服务态度满意吗？', ask: true, indicator: '服务态度', facts: [] },
  { step: 'score_time', title: '服务及时性', say: '您对服务的及时性满意吗？', ask: true, indicator: '服务及时性', facts: [] },
  { step: 'score_parts', title: '配件供应', say: '您对配件供应满意吗？', ask: true, indicator: '配件供应', facts: [] },
  { step: 'score_overall', title: '服务综合', say: '总的来说，您对这次服务满意吗？', ask: true, indicator: '服务综合', facts: [] },
  { step: 'needs', title: '服务需求', say: '您近期还有什么服务或配件的需求吗？', ask: true, indicator: null, facts: ['demand'] },
  { step: 'closing', title: '致谢与热线', say: '感谢您的配合。有任何需要请随时拨打 400 658 9888，祝您工作顺利，再见!（请等客户先挂机。）', ask: false, indicator: null, facts: [] },
]

export const FULL: Visit = {
  visit: '0199-visit-full',
  limit_s: 180,
  number: '138****5678',
  why_now: '完工短信 14:51 到达，应在 15:21 前回访',
  order: {
    order_no: 'FW20251122001',
    service_type: '保养',
    customer: { name: '王建国', title: '先生', phone: '138****5678' },
    claims: {
      product: 'XE215C',
      machine_no: 'XUG0215CKNAB01234',
      engineer: '李强',
      dealer: '徐州恒远工程机械销售服务有限公司',
      reported_hours: 1520,
      arrived_at: '2026-11-22T10:05:00+08:00',
      finished_at: '2026-11-22T14:50:00+08:00',
      location: '江苏省徐州市铜山区棠张镇前八段村高速公路连接线三标段施工工地',
      parts: ['机油', '机滤', '柴滤粗', '柴滤精', '空滤'],
      fault: '行走时右侧履带异响，低温启动困难，怠速不稳',
      fix: '更换机油及全部滤芯，调整履带张紧度，清洗油水分离器',
      demand: '希望下次保养前一天电话通知，并且带上两桶润滑脂；工地晚上也在施工，最好中午来。',
      customer_class: 'VIP',
    },
  },
  script: { title: '保养回访', steps },
  history: [
    { call: 'c1', at: '2026-08-12T10:02:00+08:00', outcome: 'answered', end: { kind: 'completed' }, note: '师傅人很好，就是配件等了三天，有点慢。', index: 4.2 },
    { call: 'c2', at: '2026-05-03T16:40:00+08:00', outcome: 'answered', end: { kind: 'callback', at: null, said: '下班以后' }, note: '在开车，下班以后再打。', index: null },
    { call: 'c3', at: '2025-12-18T09:11:00+08:00', outcome: 'no_answer', end: null, note: null, index: null },
  ],
  refer: { engineer: { name: '李强', phone: '+8613900012345' }, dealer_manager: { phone: '+8613700067890' } },
}

export const PLAIN: Visit = {
  visit: '0199-visit-plain',
  limit_s: 180,
  number: '139****0087',
  why_now: null,
  order: {
    order_no: 'FW20251122002',
    service_type: '技术咨询',
    customer: { name: '欧阳', title: '女士', phone: '139****0087' },
    claims: { product: 'XE60D', engineer: '赵敏', reported_hours: null, finished_at: '2026-11-22T11:30:00+08:00' },
  },
  script: { title: '技术咨询回访', steps: [steps[0]!, steps[1]!, steps[2]!, steps[12]!] },
  history: [],
  refer: { engineer: null, dealer_manager: null },
}
