/** Chromium with a microphone of its own, and the page of `dist` on the mock. */
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { chromium } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest'
import type { MockOptions } from '../mock/server'
import { MockServer } from '../mock/server'

const DIST = fileURLToPath(new URL('../dist', import.meta.url))
const BROWSERS = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']
/** Nothing on the page takes so long, on a busy machine either. */
export const WAIT_MS = 12_000
/** A common screen of an agent. */
const SCREEN = { width: 1366, height: 768 }

/** With a file for its microphone, or the browser's own beeps. */
export function launch(voice?: string): Promise<Browser> {
  const executablePath = BROWSERS.find((path) => path !== undefined && existsSync(path))
  if (executablePath === undefined) throw new Error('no chromium here: scripts/setup web installs it, or set CHROMIUM')
  if (!existsSync(`${DIST}/assets`)) throw new Error('the page is not built: npm run build')
  return chromium.launch({
    executablePath,
    args: [
      '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update',
      '--disable-sync', '--use-fake-ui-for-media-stream', '--use-fake-device-for-media-stream', '--allow-loopback-in-peer-connection',
      '--autoplay-policy=no-user-gesture-required',
      ...(voice === undefined ? [] : [`--use-file-for-fake-audio-capture=${voice}`]),
    ],
  })
}

export interface Desk {
  mock: MockServer
  page: Page
  context: BrowserContext
  url: string
  /** What the page must never do: errors of scripts and breaches of the policy. */
  faults: string[]
  close(): Promise<void>
}

export async function openDesk(browser: Browser, options: MockOptions = {}): Promise<Desk> {
  const mock = new MockServer(options)
  const server = await mock.listen(DIST)
  const { context, page } = await openPage(browser)
  const faults = faultsOf(page)
  await page.goto(server.url)
  return {
    mock, page, context, url: server.url, faults,
    close: async () => {
      await context.close()
      await server.close()
    },
  }
}

/** For the tests of a file: one Chromium, and for each test the page on a mock of its own, which does nothing that it must not. */
export function eachDesk(hold: (desk: Desk) => void): void {
  let browser: Browser
  let desk: Desk
  beforeAll(async () => {
    browser = await launch()
  })
  afterAll(() => browser.close())
  beforeEach(async () => {
    desk = await openDesk(browser)
    hold(desk)
  })
  afterEach(async () => {
    await desk.close()
    expect(desk.faults, 'errors of scripts and breaches of the policy').toEqual([])
  })
}

/** An empty page that may use the microphone. */
export async function openPage(browser: Browser): Promise<{ context: BrowserContext; page: Page }> {
  const context = await browser.newContext({ viewport: SCREEN, permissions: ['microphone'], locale: 'zh-CN' })
  context.setDefaultTimeout(WAIT_MS)
  return { context, page: await context.newPage() }
}

/** Errors of scripts and breaches of the policy, as they come. */
export function faultsOf(page: Page): string[] {
  const faults: string[] = []
  page.on('pageerror', (error) => faults.push(String(error)))
  page.on('console', (line) => {
    if (line.type() === 'error' && /Content Security Policy|Refused/.test(line.text())) faults.push(line.text())
  })
  return faults
}

/** By keyboard alone, as the whole desk. */
export async function signIn({ page }: { page: Page }, { name = 'li', password = 'secret' } = {}): Promise<void> {
  await page.keyboard.type(name)
  await page.keyboard.press('Tab')
  await page.keyboard.type(password)
  await page.keyboard.press('Enter')
}

/** Signed in at the seat too. */
export async function available(desk: Desk): Promise<void> {
  await signIn(desk)
  await desk.page.locator('.seat[data-state=signed_out]').waitFor()
  await desk.page.keyboard.press('Alt+I')
  await desk.page.locator('.seat[data-state=available]').waitFor()
}

/** Waits until the page has sent what `wanted` accepts. */
export async function sent<T>({ mock }: Desk, wanted: (message: (typeof mock.received)[number]) => T | false | undefined): Promise<T> {
  const limit = Date.now() + WAIT_MS
  for (;;) {
    for (const message of mock.received) {
      const found = wanted(message)
      if (found) return found
    }
    if (Date.now() > limit) throw new Error(`not sent; the page sent ${JSON.stringify(mock.received.map(({ type }) => type))}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
