import type { Page } from 'playwright-core'
import { expect, it } from 'vitest'
import { TALK } from '../mock/talk'
import type { Desk } from './browser'
import { eachDesk, signIn } from './browser'
import { farEnd } from './far'

let desk: Desk
let page: Page

eachDesk((opened) => {
  desk = opened
  page = opened.page
})

const row = (seat: string) => page.locator(`tr[data-seat=${seat}]`)
const press = (key: string) => page.keyboard.press(key)

async function board(): Promise<void> {
  await signIn(desk, { name: 'boss' })
  await row('anna').waitFor()
}

/** Waits until the supervisor has asked for this. */
async function asked(act: string): Promise<void> {
  await expect.poll(() => desk.mock.board.acts).toContain(act)
}

async function withVoice(): Promise<void> {
  const far = await farEnd(desk.context, desk.url)
  await page.bringToFront()
  desk.mock.answerOffer = (sdp) => far.answer(sdp)
}

it('shows every seat with its state, time, customer, order and telephone, and no whole number', async () => {
  await board()
  // Whom a seat talks to is read behind the seats, one by one.
  for (const name of ['王建国先生', '欧阳女士', '赵铁柱先生']) await page.getByText(name).first().waitFor()
  const text = async (seat: string) => (await row(seat).innerText()).replace(/\s+/g, ' ')
  await expect.poll(() => text('anna')).toMatch(/通话中 ?2:\d\d 王建国先生 138\*{4}5678 FW20251122001 2:\d\d \/ 3:00 ?接近时限/)
  await expect.poll(() => text('chen')).toMatch(/桌面话机已注册 通话中 ?3:\d\d 通话结束后小休 欧阳女士 139\*{4}0087 FW20251122002 3:\d\d \/ 3:00 ?已超时限/)
  await expect.poll(() => text('dong')).toMatch(/已分配 ?0:\d\d 赵铁柱先生 137\*{4}1111 FW20251122003/)
  await expect.poll(() => text('gao')).toContain('用餐')
  await expect.poll(() => text('jin')).toContain('桌面话机未注册')
  await expect.poll(() => page.locator('tbody tr').evaluateAll((all) => all.map((one) => (one as HTMLElement).dataset.seat))).toEqual([
    'chen', 'anna', 'dong', 'fang', 'gao', 'hua', 'jin', 'kong',
  ])
  await expect.poll(() => page.locator('[data-floor]').innerText()).toBe('空闲 2，保留 2')
  await expect.poll(() => page.locator('body').innerText()).not.toMatch(/1[39]\d{9}/)
  const first = await row('hua').locator('[data-since]').innerText()
  await expect.poll(() => row('hua').locator('[data-since]').innerText()).not.toBe(first)
})

it('listens, whispers, barges in and leaves by keyboard alone, and says what is heard by whom', async () => {
  await withVoice()
  await board()
  await press('ArrowDown')
  await press('ArrowDown')
  await page.locator('tr[data-seat=anna]:focus').waitFor()
  await press('l')
  await asked('POST /calls/c-anna/supervise {"mode":"listen"}')
  await page.locator('[data-watch]', { hasText: '双方都听不到你' }).waitFor()
  desk.mock.says({ ...TALK[3]!, call: 'c-anna' })
  await page.locator('[data-warning=alarm]', { hasText: '投诉到你们总部' }).waitFor()
  desk.mock.says({ ...TALK[3]!, call: 'c-chen' })
  await page.locator('.live-text').waitFor({ state: 'detached' })
  await page.locator('tr[data-seat=anna]:focus').waitFor()
  await press('w')
  await asked('POST /calls/c-anna/supervise {"mode":"whisper"}')
  await page.locator('[data-watch]', { hasText: '只有坐席听得到你' }).waitFor()
  await press('b')
  await asked('POST /calls/c-anna/supervise {"mode":"barge"}')
  await expect.poll(() => row('anna').locator('[data-act=barge]').getAttribute('aria-pressed')).toBe('true')
  await press('x')
  await asked('DELETE /calls/c-anna/supervise')
  await page.locator('[data-watch]').waitFor({ state: 'detached' })
})

it('ends a call with a reason, frees a seat after a question, and shows a refusal as it was said', async () => {
  await board()
  await row('chen').locator('[data-act=end]').click()
  await page.getByRole('heading', { name: '结束 chen 的通话' }).waitFor()
  await page.locator('.dialog-keys button:focus').waitFor()
  await press('2')
  await asked('POST /calls/c-chen/end {"reason":"坐席言辞不当"}')

  await row('kong').waitFor()
  await expect.poll(() => row('kong').locator('[data-act]').count(), { message: 'nothing to free' }).toBe(0)
  desk.mock.board.refusal = '坐席没有签入'
  await row('jin').focus()
  await press('r')
  await page.locator('[data-confirm]:focus').waitFor()
  await press('Enter')
  await asked('POST /seats/jin/release')
  await page.getByText('没有成功：坐席没有签入').waitFor()
})

it('a call that is taken over goes on at the desk, over the same line', async () => {
  await withVoice()
  await board()
  await row('anna').focus()
  await press('t')
  await page.locator('[data-confirm]:focus').waitFor()
  await press('Enter')
  await asked('POST /calls/c-anna/take_over')
  desk.mock.progressive()
  desk.mock.phase('answered')
  await page.locator('.call-head[data-phase=answered]').waitFor()
  await page.locator('[data-chip=voice].good').waitFor()
  expect(desk.mock.received.filter(({ type }) => type === 'offer'), 'one line, from page to page').toHaveLength(1)
  await page.getByRole('link', { name: '坐席看板' }).click()
  await row('anna').waitFor()
})

it('follows the news, and a call that is over is watched no more', async () => {
  await withVoice()
  await board()
  await page.locator('[data-live].good').waitFor()
  await row('anna').locator('[data-act=listen]').click()
  await page.locator('[data-watch]').waitFor()
  desk.mock.board.change('anna', { state: 'wrap_up' })
  await page.locator('tr[data-seat=anna][data-state=wrap_up]').waitFor()
  await page.locator('[data-watch]').waitFor({ state: 'detached' })
})

it('without seats it says so, and without a server too, until it is there again', async () => {
  await board()
  desk.mock.board.seats = []
  desk.mock.board.news('seat_changed')
  await page.locator('[data-nothing]', { hasText: '还没有坐席' }).waitFor()
  desk.mock.board.down = true
  desk.mock.board.news('seat_changed')
  const down = page.locator('.banner.bad', { hasText: '连不上服务器' })
  await down.waitFor()
  desk.mock.board.down = false
  await down.getByRole('button').click()
  await down.waitFor({ state: 'detached' })
})

it('an agent has no board, and the board fits a screen in both languages', async () => {
  await signIn(desk)
  await page.locator('.seat[data-state=signed_out]').waitFor()
  await page.evaluate(() => (location.hash = '#/board'))
  await page.locator('.seat[data-state=signed_out]').waitFor()
  await expect.poll(() => page.getByRole('link', { name: '坐席看板' }).count()).toBe(0)
  await page.getByRole('button', { name: '退出登录' }).click()
  await page.locator('#name').waitFor()
  await board()
  for (const language of ['English', '中文']) {
    await expect.poll(() => page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth), { message: language }).toBeLessThanOrEqual(0)
    if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/board-${language}.png` })
    await page.getByRole('button', { name: language }).click()
  }
})
