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
const sound = () => page.evaluate(() => document.querySelector('audio')?.currentTime ?? -1)
const audio = <T>(read: (element: HTMLAudioElement) => T) => page.locator('audio').evaluate(read) as Promise<T>
const row = (id: string) => page.locator(`tr[data-call=${id}]`)

async function list(name = 'qian'): Promise<void> {
  await signIn(desk, { name })
  if (name !== 'qian') await page.goto(`${desk.url}#/calls`)
  await row('r0').waitFor()
}

/** A call that can be heard. */
async function call(id = 'r0', query = '', name = 'qian'): Promise<void> {
  await list(name)
  await page.goto(`${desk.url}#/calls/${id}${query}`)
  await ready(id)
}

async function ready(id: string): Promise<void> {
  await page.locator(`.call-page[data-call=${id}]`).waitFor()
  await page.locator('canvas[data-painted=true]').waitFor()
  await page.waitForFunction(() => (document.querySelector('audio')?.readyState ?? 0) >= 2)
}

/** A dialog leaves slowly, and an empty one stays. */
async function closed(): Promise<void> {
  await expect.poll(() => page.locator('[role=dialog]:visible').count()).toBe(0)
}

/** Waits until the reviewer has asked for this. */
async function asked(act: string): Promise<void> {
  await expect.poll(() => desk.mock.review.acts).toContain(act)
}

async function near(wanted: number): Promise<void> {
  await expect.poll(sound).toSatisfy((s: number) => Math.abs(s - wanted) < 0.2)
}

it('lists the calls with what a reviewer chooses by, narrows them in the address, and reads on', async () => {
  await list()
  await expect.poll(async () => (await row('r0').innerText()).replace(/\s+/g, ' ')).toMatch(/11-22 \d\d:\d\d FW20261122000 138\*{4}5678 li 挖掘机服务回访 已接通 0:41 3\.0 2 告警 未复核/)
  await expect.poll(() => page.locator('tbody tr').count()).toBe(50)
  await page.locator('[data-more]').click()
  await expect.poll(() => page.locator('tbody tr').count()).toBe(60)
  await expect.poll(() => page.locator('[data-more]').count()).toBe(0)

  await page.locator('select[name=outcome]').selectOption('no_answer')
  await expect.poll(() => page.locator('tbody tr').count()).toBe(15)
  await expect.poll(() => new URL(page.url()).hash).toBe('#/calls?outcome=no_answer')
  await page.locator('[data-clear]').click()
  await expect.poll(() => page.locator('tbody tr').count()).toBe(50)
  await press('/')
  await page.keyboard.type('FW20261122007')
  await press('Enter')
  await expect.poll(() => page.locator('tbody tr').count()).toBe(1)
  await page.locator('input[name=q]').fill('nothing')
  await press('Enter')
  await page.locator('[data-nothing]', { hasText: '没有符合条件的通话' }).waitFor()
})

it('a list that cannot be read says so, until it can', async () => {
  await list()
  desk.mock.review.down = true
  await page.locator('[data-refresh]').click()
  const failed = page.getByRole('alert').filter({ hasText: '读取失败' })
  await failed.waitFor()
  await expect.poll(() => page.locator('tbody tr').count(), { message: 'what was read stays' }).toBe(50)
  desk.mock.review.down = false
  await failed.getByRole('button').click()
  await failed.waitFor({ state: 'detached' })
})

it('plays, and the clock, the needle and the transcript follow the sound', async () => {
  await call()
  await press(' ')
  await page.waitForFunction(() => (document.querySelector('audio')?.currentTime ?? 0) > 1.2)
  await page.locator('[data-turn="0"].current').waitFor()
  await expect.poll(() => page.locator('[data-clock] strong').innerText()).toMatch(/^0:0[1-9]\.\d$/)
  await expect.poll(() => page.locator('.needle').evaluate((element) => new DOMMatrix(getComputedStyle(element).transform).e)).toBeGreaterThan(5)
  await press(' ')
  await page.waitForFunction(() => document.querySelector('audio')?.paused === true)
  expect(desk.mock.review.ranges.length, 'the recording is streamed by range').toBeGreaterThan(0)
})

it('seeks by a click on the wave, a sentence, a quote, a fact, a finding, and by key', async () => {
  await call()
  const wave = await page.locator('[data-wave]').boundingBox()
  if (wave === null) throw new Error('no wave')
  await page.mouse.click(wave.x + wave.width / 2, wave.y + 20)
  await near(21)
  await page.locator('[data-turn="7"].current').waitFor()
  await page.locator('[data-turn="5"]').click()
  await near(14.6)
  await page.locator('[data-score=服务态度] [data-quote]').first().click()
  await near(26.2)
  await page.locator('[data-score=服务综合] [data-learned]', { hasText: '学来的词' }).waitFor()
  await page.locator('[data-score=服务综合] [data-disagreement]', { hasText: '关键词表 “投诉你们”' }).waitFor()
  await page.locator('[data-fact=machine_hours] button').click()
  await near(14.6)
  await page.locator('[data-finding]', { hasText: 'C18' }).click()
  await near(38.1)

  for (const [key, wanted] of [['Home', 0], ['ArrowRight', 5], ['ArrowRight', 10], ['ArrowLeft', 5], ['ArrowDown', 5.6], ['ArrowDown', 7.2], ['ArrowUp', 5.6], ['f', 14.6], ['f', 31.8], ['Shift+F', 14.6], ['Home', 0]] as const) {
    await press(key)
    await near(wanted)
  }
  await expect.poll(() => audio((element) => element.paused)).toBe(true)
})

it('half to three times as fast by key and by choice, in the same pitch', async () => {
  await call()
  for (const [key, wanted] of [[']', 1.25], [']', 1.5], ['[', 1.25], ['0', 1]] as const) {
    await press(key)
    await expect.poll(() => audio((element) => element.playbackRate)).toBe(wanted)
  }
  await page.locator('[data-rate]').selectOption('3')
  await expect.poll(() => audio((element) => element.playbackRate)).toBe(3)
  await expect.poll(() => audio((element) => element.preservesPitch)).toBe(true)
  await page.locator('[data-rate]').selectOption('0.5')
  await expect.poll(() => audio((element) => element.playbackRate)).toBe(0.5)
})

it('words are coloured by their level, alarms most of all, and the differences come first', async () => {
  await call()
  await expect.poll(() => page.locator('.transcript mark').evaluateAll((all) => all.map((one) => `${one.className} ${one.textContent}`))).toEqual(['l5 非常满意', 'l4 挺好', 'l2 太慢', 'l1 等了三天', 'alarm 投诉', 'l3 一般'])
  await page.getByText('vosk 听到：态度挺好的就是来的太慢了').waitFor()
  await expect.poll(() => page.locator('.facts tbody tr').evaluateAll((all) => all.map((one) => (one as HTMLElement).dataset.fact))).toEqual(['machine_hours', 'parts_replaced', 'location', 'running_normal', 'respondent'])
  await expect.poll(async () => (await page.locator('[data-fact=machine_hours]').innerText()).replace(/\s+/g, ' ')).toMatch(/工作小时 1520 小时 1042 小时 “一千零四十二个小时左右” 0:14\.6 不符 ?相差 478 小时/)
  await expect.poll(() => page.locator('[data-verdict]').innerText()).toBe('不属实')
  await expect.poll(() => page.locator('[data-gap]').allInnerTexts()).toEqual(['客户：丢包 0:17.6–0:18.4'])
  await expect.poll(() => page.locator('.findings ul').first().locator('.chip').allInnerTexts()).toEqual(['D04 红', 'C18 黄', 'C26 黄'])
})

it('corrects a score by keyboard alone, and the machine’s value stays beside it', async () => {
  await call()
  await press('3')
  await page.locator('[data-choice="5"]:focus').waitFor()
  await press('4')
  await page.locator('[data-reason]:focus, [data-reason] input:focus').waitFor()
  await page.keyboard.type('客户后来说挺及时')
  await press('Enter')
  await asked('PUT /calls/r0/scorecard/服务及时性 {"level":4,"reason":"客户后来说挺及时"}')
  const changed = page.locator('[data-score=服务及时性]')
  await changed.locator('[data-level]', { hasText: '4 满意' }).waitFor()
  await expect.poll(() => changed.locator('[data-machine]').innerText()).toBe('机器：2 不满意')
  await changed.getByText('客户后来说挺及时').waitFor()

  await closed()
  desk.mock.review.refusal = '这条记录刚刚被别人改过'
  await press('1')
  await page.locator('[data-choice="5"]:focus').waitFor()
  await press('0')
  await page.keyboard.type('没有说')
  await press('Enter')
  await page.locator('[role=dialog] [data-refused]', { hasText: '这条记录刚刚被别人改过' }).waitFor()
  // What was typed is not lost.
  await press('Enter')
  await expect.poll(() => desk.mock.review.acts.filter((act) => act.includes('没有说'))).toHaveLength(2)
  await closed()
})

it('a reload keeps the place, and so does an address that was sent', async () => {
  await call('r0', '?t=26.2')
  await near(26.2)
  await page.locator('[data-turn="9"].current').waitFor()
  await press('ArrowRight')
  await near(31.2)
  await expect.poll(() => new URL(page.url()).hash).toBe('#/calls/r0?t=31.2')
  await page.reload()
  await ready('r0')
  await near(31.2)
  await page.getByRole('button', { name: '退出登录' }).click()
  await page.locator('#name').waitFor()
  await page.goto('about:blank')
  await page.goto(`${desk.url}#/calls/r1?t=12`)
  await page.locator('#name:focus').waitFor()
  await signIn(desk, { name: 'qian' })
  await ready('r1')
  await near(12)
})

it('goes from call to call of the list by key, over the end of its page, and comes back to it as it was', async () => {
  await list()
  await press('ArrowDown')
  await press('ArrowDown')
  await page.locator('tr[data-call=r1] a:focus').waitFor()
  await press('Enter')
  await ready('r1')
  await press('n')
  await ready('r2')
  await press('p')
  await press('p')
  await ready('r0')
  await expect.poll(() => page.locator('[data-previous]').isDisabled()).toBe(true)
  await page.goto(`${desk.url}#/calls/r49`)
  await ready('r49')
  await press('n')
  await ready('r50')
  await press('g')
  await row('r51').waitFor()
  await row('r50').click()
  await ready('r50')
  await page.reload()
  await ready('r50')
  await press('n')
  await page.locator('.call-page[data-call=r51]').waitFor()
  await page.getByText('这通电话没有录音。').waitFor()
})

it('g16: claims a call, corrects its sheet, signs it off, and the list knows', async () => {
  await call()
  await page.getByText('先认领，再更正质检表。').waitFor()
  await press('c')
  await asked('POST /calls/r0/review/claim')
  await page.locator('[data-state]', { hasText: '复核中 · qian' }).waitFor()
  await page.locator('[data-item=probe] button', { hasText: '更正' }).click()
  await page.locator('[data-choice="1"]:focus').waitFor()
  await press('1')
  await page.keyboard.type('追问在前面')
  await press('Enter')
  await asked('PUT /calls/r0/qa/probe {"mark":"met","reason":"追问在前面"}')
  const item = page.locator('[data-item=probe]')
  await item.locator('[data-mark]', { hasText: '符合' }).waitFor()
  await item.getByText('机器：不符合').waitFor()
  await closed()
  await press('d')
  await asked('POST /calls/r0/review/finish')
  await press('g')
  await row('r0').getByText('已复核').waitFor()
})

it('an agent hears his own call, may object to its sheet, and corrects nothing', async () => {
  await call('r0', '', 'li')
  await expect.poll(() => page.locator('[data-change], [data-claim]').count()).toBe(0)
  await page.locator('[data-item=probe] button', { hasText: '异议' }).click()
  await page.locator('[data-reason]:focus, [data-reason] input:focus').waitFor()
  await page.keyboard.type('客户挂得太快')
  await press('Enter')
  await asked('POST /calls/r0/disputes {"item":"probe","reason":"客户挂得太快"}')
  await page.locator('[data-dispute=open]', { hasText: '客户挂得太快' }).waitFor()
})

it('a link that has grown too old is asked for anew, at the same place', async () => {
  await call('r0', '?t=10')
  await near(10)
  desk.mock.review.stale = true
  await page.locator('audio').evaluate((element: HTMLAudioElement) => (element.src = '/api/v1/listen/old'))
  await page.getByText('录音不能播放。').waitFor()
  desk.mock.review.stale = false
  await page.getByRole('alert').getByRole('button', { name: '重试' }).click()
  await page.waitForFunction(() => (document.querySelector('audio')?.readyState ?? 0) >= 2)
  await near(10)
})

it('every key stands in the help, and both pages fit their screens in both languages and themes', async () => {
  await call()
  await press('?')
  for (const key of ['Space', '→', 'Shift+F', 'Home', '?']) await page.locator('.help kbd', { hasText: key }).first().waitFor()
  await press('Escape')
  await closed()
  for (const width of [1280, 1920]) {
    await page.setViewportSize({ width, height: width === 1280 ? 800 : 1080 })
    for (const look of ['light', 'dark']) {
      for (const language of ['English', '中文']) {
        for (const [what, path] of [['call', '#/calls/r0?t=26.5'], ['calls', '#/calls']]) {
          await page.goto(`${desk.url}${path}`)
          await (what === 'call' ? ready('r0') : row('r0').waitFor())
          await expect.poll(() => page.evaluate(() => [document.documentElement.scrollWidth - document.documentElement.clientWidth, document.documentElement.scrollHeight - document.documentElement.clientHeight]), { message: `${what} ${width} ${language}` }).toEqual([0, 0])
          if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/${what}-${width}-${look}-${language === '中文' ? 'en' : 'zh'}.png` })
        }
        await page.getByRole('button', { name: language, exact: true }).click()
      }
      await page.getByRole('button', { name: '明暗主题' }).click()
    }
  }
})
