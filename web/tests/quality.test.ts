import type { Page } from 'playwright-core'
import { expect, it } from 'vitest'
import type { Desk } from './browser'
import { eachDesk, signIn } from './browser'

let desk: Desk
let page: Page

eachDesk((opened) => {
  desk = opened
  page = opened.page
})

const press = (key: string) => page.keyboard.press(key)
const flat = async (selector: string) => (await page.locator(selector).innerText()).replace(/\s+/g, ' ')

/** Signed in, at an address. */
async function at(path: string, name: string): Promise<void> {
  await page.goto(`${desk.url}#${path}`)
  await signIn(desk, { name })
}

/** Waits until this was asked for. */
async function asked(act: string): Promise<void> {
  await expect.poll(() => desk.mock.quality.acts).toContain(act)
}

it('a supervisor sees all agents beside their median, and from there the card of one', async () => {
  await at('/agents', 'boss')
  await page.locator('tr[data-agent=li]').waitFor()
  await expect.poll(() => flat('tr[data-agent=li]')).toBe('li 56 82.0% 97.0% 131.4 58.0% 1.8 41.2 88.1 4.35 2 / 3')
  await expect.poll(() => flat('tr[data-agent=anna]'), { message: 'few calls are told' }).toContain('82.0% n=4')
  await expect.poll(() => flat('tr[data-median]')).toContain('78.0% 95.0% 118.2')
  await page.locator('input[name=from]').fill('2026-11-01')
  await page.locator('input[name=to]').fill('2026-11-30')
  await asked('GET /agents/scorecards?from=2026-11-01&to=2026-12-01')
  await page.locator('tr[data-agent=li] a').click()
  await asked('GET /agents/li?from=2026-11-01&to=2026-12-01')
  await page.locator('[data-measure=skill]').waitFor()
  await expect.poll(() => flat('[data-measure=skill]')).toBe('服务技能 4.61 4.40 n=56')
  await expect.poll(() => page.locator('[data-measure=skill] [role=img]').getAttribute('aria-label')).toBe('4.61，团队中位数 4.40')
  const [bar, whole] = await page.locator('[data-measure=answered_share] .bar').evaluate((one) => [one.querySelector('i')?.offsetWidth ?? 0, (one as HTMLElement).offsetWidth])
  expect((bar ?? 0) / (whole ?? 1)).toBeCloseTo(0.82, 1)
  await expect.poll(() => page.locator('[data-rule]').evaluateAll((all) => all.map((one) => (one as HTMLElement).dataset.rule))).toEqual(['D04', 'C18', 'C26', 'C10'])
  await expect.poll(() => page.locator('[data-disputes]').innerText()).toBe('异议：成立 2，不成立 1，待处理 1，已撤回 0')
  await page.getByRole('link', { name: '这些通话' }).click()
  await page.waitForURL(/#\/calls\?.*seat=li/)
})

it('an agent sees his own card and nobody else\'s, and no pages of reviewers', async () => {
  await at('/agents/li', 'li')
  await page.locator('[data-measure=index]').waitFor()
  await page.getByText('这张卡只有你、质检员和主管能看').waitFor()
  await expect.poll(() => page.getByRole('link', { name: '校准' }).count()).toBe(0)
  await page.evaluate(() => (location.hash = '#/agents/chen'))
  await page.getByRole('alert').filter({ hasText: 'may not correct scores' }).waitFor()
  await expect.poll(() => page.locator('[data-measure]').count(), { message: 'nothing of the other card is left' }).toBe(0)
  await page.evaluate(() => (location.hash = '#/rescoring'))
  await page.locator('.seat[data-state=signed_out]').waitFor()
})

it('an agent without calls, a period without calls and a server that is away are said', async () => {
  desk.mock.quality.cards.push({ ...desk.mock.quality.cards[0]!, agent: 'wang', calls: 0 })
  await at('/agents/wang', 'qian')
  await page.getByText('这段时间没有他的通话').waitFor()
  desk.mock.quality.cards = []
  await page.getByRole('link', { name: '坐席评分' }).click()
  await page.locator('[data-nothing]', { hasText: '这段时间没有坐席的通话' }).waitFor()
  desk.mock.quality.down = true
  await page.locator('[data-refresh]').click()
  const failed = page.getByRole('alert').filter({ hasText: '读取失败' })
  await failed.waitFor()
  desk.mock.quality.down = false
  await failed.getByRole('button').click()
  await failed.waitFor({ state: 'detached' })
})

it('a sheet is marked blind by keyboard, outlives a look at the call, and when all are in their agreement shows', async () => {
  await at('/calibrations', 'qian')
  await page.locator('[data-calibration=k0] [data-standing]', { hasText: '等你交表' }).waitFor()
  await page.locator('[data-calibration=k0] a').click()
  await page.locator('[data-blind]', { hasText: '看不到别人的判断' }).waitFor()
  await expect.poll(() => page.locator('th', { hasText: 'sun' }).count(), { message: 'blind' }).toBe(0)
  await expect.poll(() => page.locator('[data-hand-in]').isDisabled()).toBe(true)
  await page.locator('tr[data-item=company]').focus()
  await press('1')
  await press('1')
  await press('ArrowUp')
  await press('2')
  await press('3')
  await page.locator('tr[data-item=identity] [data-mark=not_met][aria-pressed=true]').waitFor()
  await page.locator('[data-hand-in]', { hasText: '还差 3 项' }).waitFor()

  await page.getByRole('link', { name: '听录音' }).click()
  await page.locator('.call-page[data-call=r0]').waitFor()
  await page.goBack()
  await page.locator('tr[data-item=consent] [data-mark=not_applicable][aria-pressed=true]').waitFor()
  await page.locator('tr[data-item=probe]').focus()
  for (const key of ['2', '1', '1']) await press(key)
  await page.locator('[data-hand-in]', { hasText: '交表' }).click()
  await asked('PUT /calibrations/k0/sheet {"marks":{"company":"met","identity":"not_met","consent":"not_applicable","probe":"not_met","leading":"met","honest":"met"}}')
  await page.locator('[data-agreement]', { hasText: '一致率 50.0%' }).waitFor()
  await expect.poll(() => page.locator('[data-kappa]').innerText()).toBe('Fleiss κ = 0.571')
  await expect.poll(() => flat('tr[data-item=identity]')).toBe('核对客户身份 不符合 符合 符合 0%')
  await expect.poll(() => page.locator('tr.apart').count()).toBe(3)
  await expect.poll(() => page.evaluate(() => sessionStorage.getItem('huifang.calibration.k0'))).toBeNull()
})

it('a supervisor opens a session for a call, ends it before its time, and a refusal is told as it was said', async () => {
  await at('/calls/r0', 'boss')
  await page.getByRole('link', { name: '发起校准' }).click()
  await page.locator('input[name=people]').fill('qian')
  await expect.poll(() => page.locator('[data-open] button').isDisabled(), { message: 'two at least' }).toBe(true)
  await page.locator('input[name=people]').fill('qian，sun')
  desk.mock.quality.refusal = '这通电话还没有评分'
  await press('Enter')
  await page.locator('[data-refused]', { hasText: '没有成功：这通电话还没有评分' }).waitFor()
  await page.locator('input[name=people]').focus()
  await press('Enter')
  await asked('POST /calibrations {"call_id":"r0","reviewers":["qian","sun"]}')
  await page.locator('[data-standing]', { hasText: '等别人交表' }).waitFor()
  await page.locator('[data-end]').click()
  await asked('POST /calibrations/k2/close')
  await page.locator('[data-standing]', { hasText: '已交齐' }).waitFor()
})

it('a comparison is read by indicator and call, and adopted with a reason by a supervisor alone', async () => {
  await at('/rescoring/s0', 'qian')
  await page.locator('[data-cells]', { hasText: '3 处，2 / 46 通' }).waitFor()
  await expect.poll(() => page.locator('[data-adopt], [data-drop]').count(), { message: 'a reviewer decides nothing' }).toBe(0)
  await expect.poll(() => flat('[data-summary=服务及时性]')).toBe('服务及时性 1 1 0 0 0')
  await expect.poll(() => page.locator('[data-change]').allInnerTexts().then((all) => all.map((one) => one.replace(/\s+/g, ' ').trim()))).toEqual([
    'FW20261122000 服务及时性 2 → 3 太慢 有点慢', 'FW20261122000 配件供应 无分 → 2 — 等了三天 人工分不变', 'FW20261122002 服务及时性 4 → 3 还行 还行',
  ])
  await page.locator('[data-summary=配件供应] button').click()
  await expect.poll(() => page.locator('[data-change]').count()).toBe(1)

  await page.getByRole('button', { name: '退出登录' }).click()
  await page.locator('#name').waitFor()
  await at('/rescoring/s0', 'boss')
  await page.locator('[data-adopt]').click()
  await page.locator('.dialog-keys button:focus').waitFor()
  desk.mock.quality.refusal = '先换表并重新加载，再采用'
  await press('1')
  await page.locator('[data-refused]', { hasText: '先换表并重新加载，再采用' }).waitFor()
  await page.locator('[data-state]', { hasText: '待决定' }).waitFor()
  await page.locator('[data-drop]').click()
  // Typed while the dialog still comes up: nothing of it is lost.
  await page.getByPlaceholder('其他原因').fill('等新表定稿')
  await press('Enter')
  await asked('POST /rescoring/s0/drop {"reason":"等新表定稿"}')
  await page.locator('[data-decided]', { hasText: '等新表定稿' }).waitFor()
  await expect.poll(() => page.locator('[data-adopt]').count()).toBe(0)
})

it('a comparison is made of a period, with a table to try or without one', async () => {
  await at('/rescoring', 'boss')
  await page.locator('[data-rescoring=s1] [data-state]', { hasText: '未采用' }).waitFor()
  await page.locator('input[name=from]').fill('2026-11-01')
  await page.locator('input[name=to]').fill('2026-11-20')
  await page.locator('input[name=table]').setInputFiles({ name: 'new.toml', mimeType: 'application/toml', buffer: Buffer.from('version = "3"') })
  await page.locator('[data-open] button').click()
  await asked('POST /rescoring {"from":"2026-11-01","to":"2026-11-21","rubric":"version = \\"3\\""}')
  await page.locator('[data-nothing]', { hasText: '没有变化' }).waitFor()
})

it('all pages fit their screens in both languages', async () => {
  await at('/agents', 'boss')
  for (const width of [1280, 1920]) {
    await page.setViewportSize({ width, height: width === 1280 ? 800 : 1080 })
    // The theme changes no measures; for whoever looks, there are pictures of both.
    for (const look of process.env.SHOTS ? ['light', 'dark'] : ['light']) {
      for (const language of ['English', '中文']) {
        for (const [what, path, ready] of [
          ['agents', '/agents', 'tr[data-agent=li]'], ['agent', '/agents/li', '[data-measure=skill]'], ['calibrations', '/calibrations', '[data-calibration=k0]'],
          ['blind', '/calibrations/k0', '[data-blind]'], ['agreement', '/calibrations/k1', '[data-agreement]'], ['rescorings', '/rescoring', '[data-rescoring=s0]'],
          ['rescoring', '/rescoring/s0', '[data-change]'], ['supervised', '/calls/r0', '.call-page[data-call=r0]'],
        ]) {
          await page.goto(`${desk.url}#${path}`)
          await page.locator(ready!).first().waitFor()
          const over = () => page.evaluate(() => {
            const main = document.querySelector('main')
            const lines = Math.round((document.querySelector<HTMLElement>('.top')?.offsetHeight ?? 0) / 45)
            return [lines, document.documentElement.scrollWidth - document.documentElement.clientWidth, document.documentElement.scrollHeight - document.documentElement.clientHeight, (main?.scrollWidth ?? 0) - (main?.clientWidth ?? 0)]
          })
          await expect.poll(over, { message: `${what} ${width} ${language}` }).toEqual([1, 0, 0, 0])
          if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/${what}-${width}-${look}-${language === '中文' ? 'en' : 'zh'}.png` })
        }
        await page.getByRole('button', { name: language, exact: true }).click()
      }
      if (process.env.SHOTS) await page.getByRole('button', { name: /明暗主题/ }).click()
    }
  }
})
