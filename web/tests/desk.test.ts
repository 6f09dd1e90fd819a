import type { Page } from 'playwright-core'
import { expect, it } from 'vitest'
import { TALK } from '../mock/talk'
import { FULL } from '../mock/visits'
import type { Desk } from './browser'
import { available, eachDesk, sent, signIn } from './browser'
import { farEnd } from './far'

let desk: Desk
let page: Page

eachDesk((opened) => {
  desk = opened
  page = opened.page
})

const press = (key: string) => page.keyboard.press(key)
const seat = (state: string) => page.locator(`.seat[data-state=${state}]`).waitFor()
const phase = (name: string) => page.locator(`.call-head[data-phase=${name}]`).waitFor()
const shows = (text: string) => page.getByText(text).first().waitFor()

it('a preview goes from sign-in to wrap-up by keyboard alone', async () => {
  await available(desk)
  desk.mock.preview()
  await phase('preview')
  for (const text of ['王建国先生', '138****5678', 'VIP', 'FW20251122001', 'XE215C', '1520', '李强', '11-22 14:50', '08-12 10:02']) await shows(text)

  await press('Alt+S')
  await phase('dialing')
  desk.mock.phase('ringing')
  await phase('ringing')
  desk.mock.phase('answered')
  await seat('in_call')

  // The journal learns every step, and which indicator it asks for.
  const stepTo = (step: string) => sent(desk, (message) => message.type === 'step' && message.step === step && message)
  await stepTo('greeting')
  for (let n = 0; n < 6; n++) await press(n % 2 ? 'ArrowRight' : 'Alt+N')
  expect(await stepTo('score_skill')).toMatchObject({ indicator: '服务技能' })
  await press('ArrowLeft')
  await page.locator('[data-current-step] h3', { hasText: '检查与更换' }).waitFor()

  // Typing is typing: neither arrows nor letters are shortcuts there, and function keys are.
  await press('Alt+T')
  await page.keyboard.type('m下班 h 以后再打k')
  await press('ArrowLeft')
  await sent(desk, (message) => message.type === 'note' && message.text === 'm下班 h 以后再打k')
  expect(desk.mock.call).toMatchObject({ muted: false, held: false })
  await page.locator('[data-current-step] h3', { hasText: '检查与更换' }).waitFor()

  await press('F3')
  await page.locator('[data-choice=inHalfHour]:focus').waitFor()
  await press('3')
  const booked = await sent(desk, (message) => message.type === 'result' && message.end.kind === 'callback' && message.end)
  expect(new Date(booked.at ?? '').getHours()).toBe(9)

  await press('Alt+W')
  await page.locator('[data-field=what] >> visible=true').first().waitFor()
  await page.keyboard.type('右侧履带异响')
  desk.mock.end('customer')
  await seat('wrap_up')
  await page.locator('[data-remaining]').waitFor()
  await press('Alt+Enter')
  const handedIn = await sent(desk, (message) => message.type === 'wrapped_up' && message)
  expect(handedIn).toMatchObject({ end: { kind: 'callback', at: booked.at }, note: 'm下班 h 以后再打k', form: { what: '右侧履带异响' } })
  await seat('available')
  await page.getByRole('heading', { name: '等待分配' }).waitFor()
})

it('a progressive call is answered with voice in both directions, muted, held, keyed and hung up', async () => {
  // What makes a voice clean takes the tone of a fake microphone for noise.
  const plain = { echoCancellation: false, noiseSuppression: false, autoGainControl: false }
  await page.evaluate((settings) => localStorage.setItem('huifang.audio', JSON.stringify(settings)), plain)
  await page.reload()
  const far = await farEnd(desk.context, desk.url)
  await page.bringToFront()
  desk.mock.answerOffer = (sdp) => far.answer(sdp)
  await available(desk)
  const { sdp } = await sent(desk, (message) => message.type === 'offer' && message)
  const codecs = [...sdp.matchAll(/^a=rtpmap:\d+ (\S+)/gm)].map(([, codec]) => codec)
  expect(codecs).toEqual(['PCMA/8000', 'PCMU/8000', 'telephone-event/8000'])

  await page.locator('[data-chip=voice].good').waitFor()
  desk.mock.progressive()
  await phase('dialing')
  desk.mock.phase('answered')
  await phase('answered')
  const loud = (who: string) =>
    page.waitForFunction((name) => (document.querySelector<HTMLMeterElement>(`meter[aria-label^="${name}"]`)?.value ?? 0) > 0.3, who)
  await loud('我')
  await loud('客户')

  await press('m')
  await sent(desk, (message) => message.type === 'mute' && message.on)
  await shows('已静音，客户听不到你')
  await press('Alt+M')
  await sent(desk, (message) => message.type === 'mute' && !message.on && message)
  await press('h')
  await sent(desk, (message) => message.type === 'hold' && message.on)
  await shows('已保持，双方互相听不到')
  await press('h')
  await sent(desk, (message) => message.type === 'hold' && !message.on && message)

  await press('k')
  await page.locator('.pad:focus').waitFor()
  await page.keyboard.type('2#')
  await sent(desk, (message) => message.type === 'keys' && message.digits === '#')
  await press('Escape')
  await page.locator('.pad').waitFor({ state: 'detached' })

  await press('F8')
  await shows('工单上没有工程师或经销商经理的电话')
  await press('Escape')
  await press('F2')
  await page.locator('[data-opt-out] input:focus').waitFor({ state: 'attached' })
  await press('Space')
  await sent(desk, (message) => message.type === 'result' && message.end.kind === 'refused' && message.end.opt_out)
  await press('Alt+G')
  await sent(desk, (message) => message.type === 'hang_up')
  await seat('wrap_up')
  await shows('已接通 · 本方挂机')
})

it('c24: the numbers for a technical question are shown whole and large', async () => {
  await available(desk)
  desk.mock.progressive(FULL)
  desk.mock.phase('answered')
  await phase('answered')
  await press('F8')
  const numbers = page.locator('.refer dd')
  await numbers.first().waitFor()
  await expect.poll(() => numbers.allTextContents()).toEqual(['139 0001 2345', '137 0006 7890'])
  await expect.poll(() => numbers.first().evaluate((node) => parseFloat(getComputedStyle(node).fontSize))).toBeGreaterThan(36)
  // News of the same call does not take the numbers away.
  desk.mock.phase('answered', { held: true })
  await page.locator('.softphone .warned').waitFor()
  await numbers.first().waitFor()
})

it('c11: the timer turns amber and then red', async () => {
  await available(desk)
  desk.mock.progressive(FULL)
  const since = (s: number) => new Date(Date.now() - s * 1000).toISOString()
  desk.mock.phase('answered', { phase_since: since(140) })
  await page.locator('.timer.calm').waitFor()
  desk.mock.phase('answered', { phase_since: since(152) })
  await page.locator('.timer.soon').waitFor()
  desk.mock.phase('answered', { phase_since: since(200) })
  await page.locator('.timer.over').waitFor()
  await page.locator('[role=status]', { hasText: '通话已超过时限' }).waitFor()
})

it('a04: a start inside the spacing is refused in a sentence with its instant, and a visit is declined with a reason', async () => {
  await available(desk)
  desk.mock.redialGuard = `${new Date().getFullYear()}-11-22T11:30:00+08:00`
  desk.mock.preview()
  await phase('preview')
  await press('Alt+S')
  await shows('客户刚挂断过电话，11-22 11:30 之前不能再拨（人工也不行）。')
  await press('Alt+R')
  await page.locator('.dialog-keys button:focus').waitFor()
  await press('2')
  await sent(desk, (message) => message.type === 'decline' && message.reason === '语言或方言不通')
  await seat('available')
})

it('a dropped connection is said, made again, and the call goes on with what was typed', async () => {
  await available(desk)
  desk.mock.progressive(FULL)
  desk.mock.phase('answered')
  await phase('answered')
  await press('Alt+T')
  await page.keyboard.type('还没保存')
  desk.mock.unreachable = true
  desk.mock.drop()
  await shows('与服务器的连接中断')
  await page.keyboard.type('的话')
  desk.mock.unreachable = false
  await page.locator('[data-chip=link].good').waitFor()
  await phase('answered')
  await sent(desk, (message) => message.type === 'note' && message.text === '还没保存的话')
  await page.reload()
  await phase('answered')
  await expect.poll(() => page.locator('[data-note] textarea, textarea[data-note]').inputValue()).toBe('还没保存的话')
})

it('a seat that another window took stays with it until it is asked back', async () => {
  await available(desk)
  const token = await page.evaluate(() => sessionStorage.getItem('huifang.session'))
  const other = await desk.context.newPage()
  await other.addInitScript((kept) => sessionStorage.setItem('huifang.session', kept ?? ''), token)
  await other.goto(desk.url)
  await other.locator('.seat[data-state=available]').waitFor()
  await page.getByRole('heading', { name: '坐席已在另一个窗口打开' }).waitFor()
  await page.getByRole('button', { name: '在这里继续' }).press('Enter')
  await seat('available')
  await other.getByRole('heading', { name: '坐席已在另一个窗口打开' }).waitFor()
})

it('a break has a reason, asked for in a call it begins after the wrap-up', async () => {
  await available(desk)
  await press('Alt+B')
  await page.locator('.dialog-keys button:focus').waitFor()
  await press('2')
  await sent(desk, (message) => message.type === 'break' && message.reason === '用餐')
  await seat('break')
  await press('Alt+A')
  await seat('available')
  desk.mock.progressive(FULL)
  desk.mock.phase('answered')
  await phase('answered')
  await press('Alt+B')
  await page.locator('[data-reason] >> visible=true').first().waitFor()
  await page.locator('input[data-reason], [data-reason] input').first().fill('接孩子')
  await press('Enter')
  await shows('通话结束后小休')
  await press('F1')
  desk.mock.end('customer')
  await seat('wrap_up')
  await press('Alt+Enter')
  await seat('break')
})

it('a wrong password, a microphone that is forbidden and a session that ended are said in plain words', async () => {
  await signIn(desk, { password: 'guess' })
  await shows('工号或密码不对。')
  await desk.context.clearPermissions()
  await page.addInitScript(() => {
    navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('', 'NotAllowedError'))
  })
  await page.reload()
  await available(desk)
  await shows('浏览器没有麦克风权限')
  await page.evaluate(() => {
    const kept = JSON.parse(sessionStorage.getItem('huifang.session') ?? '{}') as Record<string, string>
    sessionStorage.setItem('huifang.session', JSON.stringify({ ...kept, token: 'hf_old' }))
  })
  await page.reload()
  await shows('登录已过期，请重新登录。')
})

it('the language is switched by key and remembered, and every shortcut is listed', async () => {
  await available(desk)
  await press('Alt+L')
  await page.getByRole('heading', { name: 'Waiting for a visit' }).waitFor()
  await page.reload()
  await page.getByRole('heading', { name: 'Waiting for a visit' }).waitFor()
  await expect.poll(() => page.evaluate(() => document.documentElement.lang)).toBe('en')
  await press('?')
  await page.getByRole('dialog', { name: 'Shortcuts' }).waitFor()
  await expect.poll(() => page.locator('.help div').count()).toBe(26)
})

it('the microphone test records five seconds and plays them', async () => {
  await available(desk)
  await press('Alt+V')
  await page.locator('#microphone').waitFor()
  await expect.poll(() => page.locator('#microphone option').count()).toBeGreaterThan(1)
  await page.locator('[data-test]').press('Enter')
  const state = page.locator('[data-test-state]')
  await state.filter({ hasText: '正在录音' }).waitFor()
  await state.filter({ hasText: '正在播放' }).waitFor()
  await state.filter({ hasText: '听到自己的声音了吗' }).waitFor()
})

it('every main state fits a screen of 1366 by 768 without scrolling, in both languages', async () => {
  const fits = async (name: string) => {
    await expect.poll(() => page.evaluate(() => [document.documentElement.scrollHeight, document.documentElement.scrollWidth]), { message: name }).toEqual([768, 1366])
  }
  await available(desk)
  for (const language of ['zh-CN', 'en']) {
    await fits(`available ${language}`)
    desk.mock.preview()
    await phase('preview')
    await fits(`preview ${language}`)
    desk.mock.phase('answered')
    await phase('answered')
    desk.mock.says(TALK[3]!)
    await page.locator('[data-warning]').waitFor()
    await press('Alt+W')
    await press('F2')
    await press('Alt+K')
    await page.locator('.pad').waitFor()
    await fits(`answered ${language}`)
    desk.mock.end('customer')
    await seat('wrap_up')
    await fits(`wrap-up ${language}`)
    await press('Alt+A')
    await seat('available')
    await press('Alt+L')
  }
})

it('e5: what is said is read along, with facts, questions, warnings and hints, and takes neither focus nor keys', async () => {
  await available(desk)
  desk.mock.progressive(FULL)
  desk.mock.phase('answered')
  await phase('answered')
  await press('Alt+T')
  await page.keyboard.type('照原话')
  const [part, answer, hesitated, warned] = TALK
  desk.mock.says(part!)
  await page.locator('[data-line=customer].part', { hasText: '对我' }).waitFor()
  desk.mock.says(answer!)
  await page.locator('[data-line=customer]', { hasText: '九百八十六个小时' }).waitFor()
  await expect.poll(() => page.locator('[data-line].part').count()).toBe(0)
  await page.locator('.order [data-heard=machine_hours].differs', { hasText: '986小时' }).waitFor()
  await page.locator('.script li', { hasText: '工作小时' }).locator('[data-standing=answered]').waitFor()
  desk.mock.says(hesitated!)
  await page.locator('[role=status] [data-hint=hesitated]', { hasText: '请追问' }).waitFor()
  await page.locator('.script li', { hasText: '配件供应' }).locator('[data-standing=asked]').waitFor()
  desk.mock.says(warned!)
  await page.locator('[data-warning=alarm]', { hasText: '投诉到你们总部' }).waitFor()
  await expect.poll(() => page.locator('[data-hint]').count()).toBe(0)
  await shows('约 2 秒没有转写')
  await page.locator('.order [data-heard=fee_yuan]', { hasText: '2800元' }).waitFor()

  // However small the panel, the newest line is in sight.
  await page.keyboard.press('Alt+K')
  await page.locator('.pad').waitFor()
  const many = Array.from({ length: 40 }, (_, n) => ({ ...warned!.lines[0]!, n: 100 + n, text: `第${n}句` }))
  desk.mock.says({ ...warned!, lines: many })
  await page.waitForFunction(() => {
    const list = document.querySelector('.live-text ol')
    return list?.lastElementChild?.textContent?.includes('第39句') && list.scrollHeight - list.scrollTop - list.clientHeight < 2
  })
  desk.mock.says(warned!)
  await page.keyboard.press('Alt+K')
  await press('Alt+T')

  // All the while the agent wrote on.
  await page.keyboard.type('记')
  await sent(desk, (message) => message.type === 'note' && message.text === '照原话记')
  // A fact of this step is offered, and taken only when the agent says so.
  await press('F1')
  await page.locator('.script li button', { hasText: '工作小时' }).click()
  const field = page.locator('[data-fact=machine_hours]')
  await expect.poll(() => field.inputValue()).toBe('')
  await page.locator('[data-offer=machine_hours]').press('Enter')
  await expect.poll(() => field.inputValue()).toBe('986小时')
  await page.locator('[data-offer]').waitFor({ state: 'detached' })

  // A page that is loaded anew has it all; the next call begins with nothing.
  await page.reload()
  await page.locator('[data-warning=alarm]').waitFor()
  desk.mock.says({ ...warned!, state: 'lost' })
  await shows('转写已中断')
  desk.mock.become('available')
  await page.locator('.live-text').waitFor({ state: 'detached' })
})
