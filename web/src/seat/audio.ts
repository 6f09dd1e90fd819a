/** Microphones and loudspeakers of this machine: choice (remembered), levels, and the test that records and plays back. */

export interface AudioSettings {
  microphone: string
  speaker: string
  echoCancellation: boolean
  noiseSuppression: boolean
  autoGainControl: boolean
}

export interface Devices {
  microphones: { id: string; label: string }[]
  speakers: { id: string; label: string }[]
}

const KEY = 'huifang.audio'
const DEFAULTS: AudioSettings = {
  microphone: '',
  speaker: '',
  echoCancellation: true,
  noiseSuppression: true,
  autoGainControl: true,
}

export function loadSettings(): AudioSettings {
  try {
    return { ...DEFAULTS, ...(JSON.parse(localStorage.getItem(KEY) ?? '{}') as Partial<AudioSettings>) }
  } catch {
    return { ...DEFAULTS }
  }
}

export function saveSettings(settings: AudioSettings): void {
  localStorage.setItem(KEY, JSON.stringify(settings))
}

export async function listDevices(): Promise<Devices> {
  const all = await navigator.mediaDevices.enumerateDevices()
  const of = (kind: MediaDeviceKind) =>
    all
      .filter((device) => device.kind === kind && device.deviceId !== '')
      .map((device) => ({ id: device.deviceId, label: device.label }))
  return { microphones: of('audioinput'), speakers: of('audiooutput') }
}

/** A remembered microphone that was unplugged is no reason to stay mute: `ideal` falls back to another. */
export function openMicrophone(settings: AudioSettings): Promise<MediaStream> {
  const { echoCancellation, noiseSuppression, autoGainControl, microphone } = settings
  const device = microphone === '' ? {} : { deviceId: { ideal: microphone } }
  return navigator.mediaDevices.getUserMedia({ audio: { echoCancellation, noiseSuppression, autoGainControl, ...device } })
}

export async function useSpeaker(element: HTMLAudioElement, speaker: string): Promise<void> {
  // Firefox before 116 and Safari play where the system plays.
  if (typeof element.setSinkId !== 'function') return
  await element.setSinkId(speaker).catch(() => element.setSinkId(''))
}

export type MicrophoneFault = 'insecure' | 'denied' | 'missing' | 'busy'

export function faultOf(error: unknown): MicrophoneFault {
  const name = error instanceof DOMException ? error.name : ''
  if (name === 'NotAllowedError' || name === 'SecurityError') return 'denied'
  return name === 'NotFoundError' || name === 'OverconstrainedError' ? 'missing' : 'busy'
}

/** A third of a second: longer than the page looks away between two readings. */
const WINDOW = 16_384

/** Loudness of one stream, 0 to 1 on a scale of 60 dB. */
export class Meter {
  private readonly source: MediaStreamAudioSourceNode
  private readonly analyser: AnalyserNode
  private readonly samples: Float32Array<ArrayBuffer>

  constructor(context: AudioContext, stream: MediaStream) {
    this.analyser = new AnalyserNode(context, { fftSize: WINDOW })
    this.samples = new Float32Array(this.analyser.fftSize)
    this.source = context.createMediaStreamSource(stream)
    this.source.connect(this.analyser)
  }

  level(): number {
    this.analyser.getFloatTimeDomainData(this.samples)
    return loudness(this.samples)
  }

  close(): void {
    this.source.disconnect()
  }
}

const FLOOR_DB = 60

export function loudness(samples: Float32Array): number {
  let power = 0
  for (const sample of samples) power += sample * sample
  const db = 10 * Math.log10(power / Math.max(1, samples.length) + 1e-12)
  return Math.min(1, Math.max(0, 1 + db / FLOOR_DB))
}

const TEST_MS = 5000

/** Records five seconds and plays them; nothing leaves this machine. */
export async function microphoneTest(settings: AudioSettings, phase: (now: 'recording' | 'playing') => void): Promise<void> {
  const stream = await openMicrophone(settings)
  const parts: Blob[] = []
  try {
    const recorder = new MediaRecorder(stream)
    recorder.ondataavailable = (event) => parts.push(event.data)
    const stopped = new Promise((resolve) => (recorder.onstop = resolve))
    recorder.start()
    phase('recording')
    setTimeout(() => recorder.stop(), TEST_MS)
    await stopped
  } finally {
    stream.getTracks().forEach((track) => track.stop())
  }
  const url = URL.createObjectURL(new Blob(parts, { type: parts[0]?.type ?? '' }))
  try {
    const player = new Audio(url)
    await useSpeaker(player, settings.speaker)
    phase('playing')
    await new Promise<void>((resolve, reject) => {
      player.onended = () => resolve()
      player.onerror = () => reject(new Error('playback'))
      player.play().catch(reject)
    })
  } finally {
    URL.revokeObjectURL(url)
  }
}
