/**
 * The seat of this window: connection, softphone and state in one place, for the pages. One at a time; `begin` at a page's mount,
 * `end` when it is left. From page to page it stays: a supervisor who takes a call over goes to the desk with his line.
 */
import { computed, reactive, readonly, ref, shallowRef } from 'vue'
import { forget, verdict } from '../api/session'
import type { AudioSettings, MicrophoneFault } from './audio'
import { SeatConnection, SeatError } from './connection'
import type { ClientMessage, Seat, ServerMessage } from './protocol'
import { Softphone } from './softphone'
import type { DeskState } from './store'
import { START, allowed, elapsedMs, reduce } from './store'

export type MicrophoneState = 'open' | 'closed' | MicrophoneFault

const TICK_MS = 250

const state = shallowRef<DeskState>(START)
const now = ref(Date.now())
const microphone = ref<MicrophoneState>('closed')
const voice = ref<RTCPeerConnectionState>('new')
const problem = shallowRef<SeatError | null>(null)
const levels = reactive({ mine: 0, theirs: 0 })

let connection: SeatConnection | null = null
let speaking = false
let lineWanted = false
let held: string | null = null
let leaving: ReturnType<typeof setTimeout> | undefined
let ticker: ReturnType<typeof setInterval> | undefined

const softphone = new Softphone({
  send: (message) => connection?.send(message) ?? false,
  onState: (next) => (voice.value = next),
  onMicrophone: (next) => (microphone.value = next),
})

function begin(token: string): void {
  clearTimeout(leaving)
  if (connection !== null && held === token) return
  close()
  held = token
  if (!window.isSecureContext) microphone.value = 'insecure'
  connection = new SeatConnection(token, {
    onMessage: take,
    onLink: (link) => (state.value = reduce(state.value, { kind: 'link', link, now: Date.now() })),
    mayConnect: verdict,
    onNoSession: forget,
  })
  connection.open()
  ticker = setInterval(() => {
    now.value = Date.now()
    Object.assign(levels, softphone.levels())
  }, TICK_MS)
}

/** The next page may want it. */
function end(): void {
  clearTimeout(leaving)
  leaving = setTimeout(close, 0)
}

function close(): void {
  clearInterval(ticker)
  connection?.close()
  connection = null
  softphone.stop()
  speaking = false
  lineWanted = false
  held = null
  problem.value = null
  state.value = reduce(state.value, { kind: 'signed_off' })
}

/** After another window had the seat: here again. */
function takeBack(): void {
  connection?.open()
}

function take(message: ServerMessage): void {
  state.value = reduce(state.value, { kind: 'server', message, now: Date.now() })
  switch (message.type) {
    case 'welcome':
    case 'seat':
      voiceFor(message.seat, message.type === 'welcome')
      softphone.setMuted(state.value.call?.muted ?? false)
      break
    case 'call':
      softphone.setMuted(message.call?.muted ?? false)
      break
    case 'answer':
      softphone.onAnswer(message.sdp)
      break
    case 'candidate':
      softphone.onCandidate(message.candidate)
      break
    case 'media':
      softphone.onServerMedia(message.state)
      break
    case 'replaced':
      softphone.stop()
      break
    case 'error':
      if (message.id == null) problem.value = new SeatError(message.code, message.message, message.at ?? null)
      break
    case 'done':
    case 'live':
      break
  }
}

/** The microphone is open exactly while a browser seat is signed in, or a supervisor wants a line. */
function voiceFor(seat: Seat, anew: boolean): void {
  const wanted = lineWanted || (seat.state !== 'signed_out' && seat.phone.kind === 'browser')
  if (wanted && (anew || !speaking)) softphone.start(state.value.iceServers)
  else if (!wanted && speaking) softphone.stop()
  speaking = wanted
}

/** A supervisor's line, for which he need not sign in. */
function wantLine(on: boolean): void {
  lineWanted = on
  if (state.value.seat !== null) voiceFor(state.value.seat, false)
}

/** Sends and waits; what went wrong is shown by the page. True when it was done. */
async function command(message: ClientMessage): Promise<boolean> {
  try {
    await (connection?.request(message) ?? Promise.reject(new SeatError('not_connected', '')))
    problem.value = null
    return true
  } catch (error) {
    problem.value = error instanceof SeatError ? error : new SeatError('other', String(error))
    return false
  }
}

/** Like `command`, for what the page does by itself: nothing is shown. */
async function quietly(message: ClientMessage): Promise<boolean> {
  return (await connection?.request(message).then(() => true, () => false)) ?? false
}

async function mute(on: boolean): Promise<void> {
  // At once: the customer must not hear the word that is said while the server is being asked.
  softphone.setMuted(on)
  if (!(await command({ type: 'mute', on }))) softphone.setMuted(state.value.call?.muted ?? false)
}

export function useSeat() {
  return {
    state: readonly(state),
    seat: computed(() => state.value.seat),
    call: computed(() => state.value.call),
    /** What is said on this call, if it is read along with. */
    liveOf: (call: string | null | undefined) => (call != null && state.value.live?.call === call ? state.value.live : null),
    may: computed(() => allowed(state.value)),
    now: readonly(now),
    microphone: readonly(microphone),
    voice: readonly(voice),
    levels: readonly(levels),
    problem,
    elapsed: (since: string) => elapsedMs(since, now.value, state.value.skewMs),
    /** This machine's now on the server's clock. */
    serverNow: () => new Date(Date.now() + state.value.skewMs),
    begin,
    end,
    takeBack,
    wantLine,
    command,
    quietly,
    mute,
    retryMicrophone: () => softphone.start(state.value.iceServers),
    audio: { settings: () => ({ ...softphone.settings }), use: (settings: AudioSettings) => softphone.use(settings) },
  }
}
