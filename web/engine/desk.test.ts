/** The desk page against the real engine: one whole call by keyboard, from the sign-in to what lies in the database and on the disk. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { Browser } from 'playwright-core'
import { WAIT_MS, faultsOf, launch, openPage } from '../tests/browser'
import type { Call, Engine } from './engine'
import { startEngine, until } from './engine'
import { readWav, secondsOf, toneFile } from './wav'

const VOICE_HZ = 440

let engine: Engine
let browser: Browser
let folder: string

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'huifang-voice-'))
  const voice = join(folder, 'voice.wav')
  writeFileSync(voice, toneFile(VOICE_HZ))
  engine = await startEngine()
  browser = await launch(voice)
})
afterEach(async () => {
  await browser?.close()
  await engine?.stop()
  rmSync(folder, { recursive: true, force: true })
})

it('an agent signs in by keyboard, talks, writes down and hands in, and the engine has it all', async () => {
  const password = await engine.addUser('li', 'agent')
  const { page } = await openPage(browser)
  const faults = faultsOf(page)
  const seat = (state: string) => page.locator(`.seat[data-state=${state}]`).waitFor()
  // What makes a voice clean takes a steady tone for noise, and the customer's for an echo.
  const plain = { echoCancellation: false, noiseSuppression: false, autoGainControl: false }
  await page.addInitScript((settings) => localStorage.setItem('huifang.audio', JSON.stringify(settings)), plain)
  await page.goto(engine.url)
  await page.keyboard.type('li')
  await page.keyboard.press('Tab')
  await page.keyboard.type(password)
  await page.keyboard.press('Enter')
  await seat('signed_out')
  await page.keyboard.press('Alt+I')
  await seat('available')
  await page.locator('[data-chip=voice].good').waitFor()

  const visit = await engine.report('FL-1')
  await page.locator('.call-head[data-phase=answered]').waitFor()
  await seat('in_call')
  await page.getByText('138****5678').first().waitFor()
  await page.waitForFunction(() => (document.querySelector<HTMLMeterElement>('meter[aria-label^="客户"]')?.value ?? 0) > 0.3, null, { timeout: WAIT_MS })
  await page.keyboard.press('Alt+T')
  await page.keyboard.type('客户说机器很好用')
  await page.keyboard.press('F1')
  // Something is to be heard on the recording.
  await page.locator('[data-timer]', { hasText: '0:02' }).waitFor()
  await page.keyboard.press('Alt+G')
  await seat('wrap_up')
  await page.keyboard.press('Alt+Enter')
  await seat('available')
  expect(faults, 'errors of scripts and breaches of the policy').toEqual([])

  const call = await until('the call is settled', async () => {
    const { items } = await engine.get<{ items: Call[] }>(`calls?visit=${visit}`)
    return items[0]?.conversation && items[0]
  })
  expect(call).toMatchObject({ outcome: 'answered', hung_up_by: 'us', seat: 'li', conversation: { kind: 'completed' } })
  const report = await engine.get<{ call: { note: string } }>(`calls/${call.id}/report`)
  expect(report.call.note).toBe('客户说机器很好用')
  const { state } = await engine.get<{ state: { name: string } }>(`visits/${visit}`)
  expect(state.name).toBe('completed')

  const { rate, channels } = readWav(await engine.recording(call.id))
  expect([rate, channels.length]).toEqual([8000, 2])
  // Left is the agent; right is the customer, who says the same a moment later.
  for (const channel of channels) expect(secondsOf(channel, rate, VOICE_HZ)).toBeGreaterThan(1)
  const begins = channels.map((channel) => channel.findIndex((sample) => Math.abs(sample) > 1000))
  expect(begins[1]).toBeGreaterThan(begins[0] ?? Infinity)
})
