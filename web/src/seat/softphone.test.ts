import { expect, it } from 'vitest'
import { loudness } from './audio'
import { preferred } from './softphone'

it('g.711 a-law is offered first, telephone events only at 8000 Hz, and nothing else', () => {
  const codec = (mimeType: string, clockRate: number) => ({ mimeType, clockRate })
  const chromium = [
    codec('audio/opus', 48000), codec('audio/red', 48000), codec('audio/G722', 8000), codec('audio/PCMU', 8000), codec('audio/PCMA', 8000),
    codec('audio/CN', 8000), codec('audio/telephone-event', 48000), codec('audio/telephone-event', 8000),
  ]
  expect(preferred(chromium).map((one) => `${one.mimeType}/${one.clockRate}`)).toEqual([
    'audio/PCMA/8000', 'audio/PCMU/8000', 'audio/telephone-event/8000',
  ])
})

it('loudness is 0 for silence, 1 for full scale, and in between for speech', () => {
  const tone = (amplitude: number) => Float32Array.from({ length: 1024 }, (_, n) => amplitude * Math.sin(n / 3))
  expect(loudness(tone(0))).toBe(0)
  expect(loudness(new Float32Array(0))).toBe(0)
  expect(loudness(tone(0.1))).toBeGreaterThan(0.5)
  expect(loudness(tone(0.1))).toBeLessThan(0.8)
  expect(loudness(Float32Array.from({ length: 64 }, () => 1))).toBe(1)
})
