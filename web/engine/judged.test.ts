/** What people do with a call that the real engine has made, recorded and judged: correct it, calibrate on it, compare it, and read its agent's card. */
import type { Page } from 'playwright-core'
import { expect, it } from 'vitest'
import type { Spoken } from './engine'
import { until } from './engine'
import type { Rig } from './rig'
import { callMade, eachEngine, enter } from './rig'

const TALK: readonly Spoken[] = [
  { channel: 'agent', from: 0.2, to: 0.9, text: '您对工程师的服务技能满意吗？' },
  { channel: 'customer', from: 1, to: 1.7, text: '非常满意。' },
  { channel: 'agent', from: 1.8, to: 2.4, text: '您对服务态度满意吗？' },
  { channel: 'customer', from: 2.5, to: 3.4, text: '不满意，态度太差了。' },
]

interface Card {
  version: number
  scores: { indicator: string; level: number | null; machine_level: number | null; human: { by: string } | null }[]
}

let rig: Rig

eachEngine((opened) => (rig = opened))

/** At another address of the page. */
async function to(page: Page, path: string): Promise<void> {
  await page.evaluate((hash) => (location.hash = hash), `#${path}`)
}

it('a score that the engine gave is corrected with a reason, outlives a reload, and counts in everything that is made of it', async () => {
  const { engine } = rig
  const { id } = await callMade(rig, 'FL-3')
  await engine.transcribed(id, TALK)
  const judged = await until('the call is judged', () => engine.get<Card>(`calls/${id}/scorecard`).catch(() => null))
  const attitude = ({ scores }: Card) => scores.find(({ indicator }) => indicator === '服务态度')
  const machine = attitude(judged)?.level ?? 0
  expect(machine, 'the customer was clear').toBeLessThanOrEqual(2)

  const { page, faults } = await enter(rig, 'zhao', 'supervisor')
  await page.locator('.top').first().waitFor()
  await to(page, `/calls/${id}`)
  const row = page.locator('[data-score=服务态度]')
  await row.locator('[data-quote]').first().waitFor()
  await page.keyboard.press('2')
  await page.locator('[data-choice="5"]:focus').waitFor()
  await page.keyboard.press('4')
  await page.locator('[data-reason]:focus, [data-reason] input:focus').waitFor()
  await page.keyboard.type('说的是天气，不是态度')
  await page.keyboard.press('Enter')
  await row.locator('[data-level]', { hasText: '4 满意' }).waitFor()
  await page.reload()
  await row.locator('[data-level]', { hasText: '4 满意' }).waitFor()
  await row.getByText('说的是天气，不是态度').waitFor()
  await expect.poll(() => row.locator('[data-machine]').innerText()).toMatch(new RegExp(`^机器：${machine} `))
  const corrected = await engine.get<Card>(`calls/${id}/scorecard`)
  expect(attitude(corrected)).toMatchObject({ level: 4, machine_level: machine, human: { by: 'zhao' } })

  // His agent's card: the level in force, of one call.
  await page.getByRole('link', { name: 'li', exact: true }).click()
  const measure = (key: string) => page.locator(`[data-measure=${key}]`)
  await measure('attitude').locator('[data-value]', { hasText: '4.00' }).waitFor()
  await measure('skill').locator('[data-value]', { hasText: '5.00' }).waitFor()
  await expect.poll(() => measure('attitude').locator('[data-n]').innerText()).toBe('n=1')
  await expect.poll(() => measure('cut_ins').locator('[data-n]').innerText(), { message: 'its recording was measured' }).toBe('n=1')
  await expect.poll(() => measure('answered_share').locator('[data-value]').innerText()).toBe('100.0%')

  // The table in force makes the same of it; a comparison that changes nothing is dropped with a reason.
  await to(page, '/rescoring')
  await page.locator('[data-nothing]', { hasText: '还没有比较过' }).waitFor()
  const day = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10)
  await page.locator('input[name=from]').fill(day(-2))
  await page.locator('input[name=to]').fill(day(2))
  await page.locator('[data-open] button').click()
  await page.locator('[data-cells]', { hasText: '0 处，0 / 1 通' }).waitFor()
  await page.locator('[data-drop]').click()
  await page.locator('.dialog-keys button:focus').waitFor()
  await page.keyboard.press('3')
  await page.locator('[data-decided]', { hasText: '只是试算' }).waitFor()

  // Two mark its sheet; when the second has, they are compared.
  await to(page, `/calibrations?call=${id}`)
  await page.locator('input[name=people]').fill('zhao，qian')
  await page.locator('[data-open] button').click()
  await page.locator('[data-standing]', { hasText: '等你交表' }).waitFor()
  await marked(page)
  await page.locator('[data-blind]', { hasText: '看不到别人的判断' }).waitFor()
  const session = await page.evaluate(() => location.hash.slice(1))
  expect(faults, 'errors of scripts and breaches of the policy').toEqual([])
  const other = await enter(rig, 'qian', 'reviewer')
  await other.page.locator('.top').first().waitFor()
  await to(other.page, session)
  await marked(other.page)
  await other.page.locator('[data-agreement]', { hasText: '一致率 100.0%' }).waitFor()
})

/** Every item met, by keyboard, and handed in. */
async function marked(page: Page): Promise<void> {
  const rows = page.locator('tr[data-item]')
  await rows.first().focus()
  for (let n = await rows.count(); n > 0; n--) await page.keyboard.press('1')
  await page.locator('[data-hand-in]', { hasText: '交表' }).click()
}
