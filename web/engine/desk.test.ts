/** The desk page against the real engine: one whole call by keyboard, from the sign-in to what lies in the database and on the disk. */
import { expect, it } from 'vitest'
import { WAIT_MS } from '../tests/browser'
import type { Rig } from './rig'
import { VOICE_HZ, agentAtWork, eachEngine, seat, settled } from './rig'
import { readWav, secondsOf } from './wav'

let rig: Rig

eachEngine((opened) => (rig = opened))

it('an agent signs in by keyboard, talks, writes down and hands in, and the engine has it all', async () => {
  const { engine } = rig
  const { page, faults } = await agentAtWork(rig)

  const visit = await engine.report('FL-1')
  await page.locator('.call-head[data-phase=answered]').waitFor()
  await seat(page, 'in_call')
  await page.getByText('138****5678').first().waitFor()
  await page.waitForFunction(() => (document.querySelector<HTMLMeterElement>('meter[aria-label^="客户"]')?.value ?? 0) > 0.3, null, { timeout: WAIT_MS })
  await page.keyboard.press('Alt+T')
  await page.keyboard.type('客户说机器很好用')
  await page.keyboard.press('F1')
  // Something is to be heard on the recording.
  await page.locator('[data-timer]', { hasText: '0:02' }).waitFor()
  await page.keyboard.press('Alt+G')
  await seat(page, 'wrap_up')
  await page.keyboard.press('Alt+Enter')
  await seat(page, 'available')
  expect(faults, 'errors of scripts and breaches of the policy').toEqual([])

  const call = await settled(rig, visit)
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
