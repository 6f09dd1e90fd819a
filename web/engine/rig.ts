/** For each test the real engine, and Chromium with a tone for its microphone; and what several tests begin with. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterEach, beforeEach } from 'vitest'
import { faultsOf, launch, openPage, signIn } from '../tests/browser'
import type { Call, Engine, Role } from './engine'
import { startEngine, until } from './engine'
import { toneFile } from './wav'

export const VOICE_HZ = 440

export interface Rig {
  engine: Engine
  browser: Browser
}

export function eachEngine(hold: (rig: Rig) => void): void {
  let engine: Engine
  let browser: Browser
  let folder: string
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'huifang-voice-'))
    const voice = join(folder, 'voice.wav')
    writeFileSync(voice, toneFile(VOICE_HZ))
    engine = await startEngine()
    browser = await launch(voice)
    hold({ engine, browser })
  })
  afterEach(async () => {
    await browser?.close()
    await engine?.stop()
    rmSync(folder, { recursive: true, force: true })
  })
}

export interface Visitor {
  page: Page
  context: BrowserContext
  /** Errors of scripts and breaches of the policy, from the first document on. */
  faults: string[]
}

// What makes a voice clean takes a steady tone for noise, and the customer's for an echo.
const PLAIN = { echoCancellation: false, noiseSuppression: false, autoGainControl: false }

/** A new user, who has signed in at a browser of his own. */
export async function enter({ engine, browser }: Rig, name: string, role: Role): Promise<Visitor> {
  const password = await engine.addUser(name, role)
  const { page, context } = await openPage(browser)
  const faults = faultsOf(page)
  await page.addInitScript((settings) => localStorage.setItem('huifang.audio', JSON.stringify(settings)), PLAIN)
  await page.goto(engine.url)
  await signIn({ page }, { name, password })
  return { page, context, faults }
}

/** An agent who is free to be given a call, and whose voice is there. */
export async function agentAtWork(rig: Rig): Promise<Visitor> {
  const agent = await enter(rig, 'li', 'agent')
  await seat(agent.page, 'signed_out')
  await agent.page.keyboard.press('Alt+I')
  await seat(agent.page, 'available')
  await agent.page.locator('[data-chip=voice].good').waitFor()
  return agent
}

export function seat(page: Page, state: string): Promise<void> {
  return page.locator(`.seat[data-state=${state}]`).waitFor()
}

/** The call of a visit, when all is written down that it came to. */
export function settled({ engine }: Rig, visit: string): Promise<Call> {
  return until('the call is settled', async () => {
    const { items } = await engine.get<{ items: Call[] }>(`calls?visit=${visit}`)
    return items[0]?.conversation && items[0]
  })
}

/** An agent talks for some seconds about this order, and hangs up. */
export async function callMade(rig: Rig, order: string): Promise<Call> {
  const { page, context } = await agentAtWork(rig)
  const visit = await rig.engine.report(order)
  await page.locator('.call-head[data-phase=answered]').waitFor()
  await page.keyboard.press('F1')
  await page.locator('[data-timer]', { hasText: '0:04' }).waitFor()
  await page.keyboard.press('Alt+G')
  await seat(page, 'wrap_up')
  await page.keyboard.press('Alt+Enter')
  await seat(page, 'available')
  await context.close()
  return await settled(rig, visit)
}
