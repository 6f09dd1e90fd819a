/** The review page against the real engine: a call is made, recorded, found in the list and heard. */
import { expect, it } from 'vitest'
import { WAIT_MS } from '../tests/browser'
import type { Rig } from './rig'
import { callMade, eachEngine, enter } from './rig'

let rig: Rig

eachEngine((opened) => (rig = opened))

it('a reviewer finds a recorded call, hears both voices, seeks, and a reload keeps the place', async () => {
  const call = await callMade(rig, 'FL-2')
  const { page, faults } = await enter(rig, 'qian', 'reviewer')
  const statuses: number[] = []
  page.on('response', (response) => response.url().includes('/listen/') && statuses.push(response.status()))
  await page.locator(`tr[data-call="${call.id}"]`, { hasText: '138****5678' }).waitFor()
  await page.locator('input[name=q]').fill('FL-2')
  await page.keyboard.press('Enter')
  await page.waitForURL(/q=FL-2/)
  await page.locator(`tr[data-call="${call.id}"]`).click()
  await page.locator('canvas[data-painted=true]').waitFor()
  await page.waitForFunction(() => (document.querySelector('audio')?.readyState ?? 0) >= 2)
  await expect.poll(() => statuses, { message: 'streamed by range' }).toContain(206)

  const drawn = await page.locator('canvas').evaluate((canvas: HTMLCanvasElement) => {
    const { width, height } = canvas
    const data = canvas.getContext('2d')?.getImageData(0, 0, width, height).data ?? new Uint8ClampedArray()
    const lane = (from: number, to: number) => {
      let dots = 0
      for (let y = from; y < to; y++) for (let x = 0; x < width; x++) if ((data[(y * width + x) * 4 + 3] ?? 0) > 0) dots++
      return dots / width
    }
    return [lane(0, height / 2), lane(height / 2, height)]
  })
  for (const dots of drawn) expect(dots, 'more than the middle line').toBeGreaterThan(4)

  // What the browser decodes and plays, by channel: the loudest sample that passes.
  await page.evaluate(() => {
    const element = document.querySelector('audio')
    if (element === null) return
    const context = new AudioContext()
    const split = context.createChannelSplitter(2)
    context.createMediaElementSource(element).connect(split)
    split.connect(context.destination, 0)
    const loudest = [0, 0]
    const ears = loudest.map((_, channel) => {
      const ear = context.createAnalyser()
      split.connect(ear, channel)
      return ear
    })
    const heard = new Float32Array(2048)
    setInterval(() => {
      ears.forEach((ear, channel) => {
        ear.getFloatTimeDomainData(heard)
        loudest[channel] = Math.max(loudest[channel] ?? 0, ...heard.map(Math.abs))
      })
      document.body.dataset.heard = loudest.join(' ')
    }, 20)
    void context.resume()
  })
  await page.keyboard.press(' ')
  await page.waitForFunction(() => (document.querySelector('audio')?.currentTime ?? 0) > 2.5, null, { timeout: WAIT_MS })
  await page.waitForFunction(() => (document.body.dataset.heard ?? '').split(' ').map(Number).every((loud) => loud > 0.05), null, { timeout: WAIT_MS })
  await page.keyboard.press(' ')
  await page.waitForFunction(() => document.querySelector('audio')?.paused === true)

  const wave = await page.locator('[data-wave]').boundingBox()
  if (wave === null) throw new Error('no wave')
  await page.mouse.click(wave.x + wave.width / 4, wave.y + 20)
  const place = await page.evaluate(() => document.querySelector('audio')?.currentTime ?? -1)
  expect(place).toBeGreaterThan(0.5)
  await expect.poll(() => new URL(page.url()).hash).toContain(`?t=${Math.round(place * 10) / 10}`)
  await page.reload()
  await page.waitForFunction((at) => Math.abs((document.querySelector('audio')?.currentTime ?? -1) - at) < 0.2, place, { timeout: WAIT_MS })
  expect(faults, 'errors of scripts and breaches of the policy').toEqual([])
})
