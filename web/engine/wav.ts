/** Tones in WAV files: written for a microphone, read, and searched for. */
import { wavFile } from '../mock/wav'

/** A tone of a second, for a fake microphone that plays it over and over. */
export function toneFile(hz: number): Buffer {
  const rate = 48_000
  return wavFile(rate, [Int16Array.from({ length: rate }, (_, n) => Math.round(12_000 * Math.sin((2 * Math.PI * hz * n) / rate)))])
}

export interface Wav {
  rate: number
  channels: Int16Array[]
}

export function readWav(file: Buffer): Wav {
  const channels = file.readUInt16LE(22)
  const rate = file.readUInt32LE(24)
  const at = file.indexOf('data') + 8
  const frames = Math.floor((file.length - at) / 2 / channels)
  const read = (channel: number) => Int16Array.from({ length: frames }, (_, n) => file.readInt16LE(at + (n * channels + channel) * 2))
  return { rate, channels: Array.from({ length: channels }, (_, channel) => read(channel)) }
}

/** A tenth of a second at 8 kHz. */
const WINDOW = 800
const LOUD = 1_000

/**
 * Seconds in which this tone is what sounds, by its zero crossings and within a sixth: a stream whose first packets came late is drawn to
 * its place a few samples per packet, which makes it that much higher for as long.
 */
export function secondsOf(samples: Int16Array, rate: number, hz: number): number {
  let found = 0
  for (let at = 0; at + WINDOW <= samples.length; at += WINDOW) {
    const heard = samples.subarray(at, at + WINDOW)
    const rises = heard.filter((sample, n) => sample >= 0 && (heard[n - 1] ?? 0) < 0).length
    const wanted = (hz * WINDOW) / rate
    if (heard.some((sample) => Math.abs(sample) > LOUD) && Math.abs(rises - wanted) < wanted / 6) found++
  }
  return (found * WINDOW) / rate
}
