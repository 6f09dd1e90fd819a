/**
 * The agent's voice: microphone → RTCPeerConnection → bridge, and the customer's voice back. Signalling goes through the seat's
 * connection.
 *
 * Contract: one peer connection at a time, one offer in flight. G.711 and 8 kHz telephone events only, so that nothing is
 * transcoded between trunk and browser and DTMF has one payload type. A path that breaks is repaired by an ICE restart; a
 * connection that the server no longer has is built anew. Mute is done here (at once) and at the server (for the journal).
 */
import type { AudioSettings, MicrophoneFault } from './audio'
import { Meter, faultOf, loadSettings, openMicrophone, saveSettings, useSpeaker } from './audio'
import type { ClientMessage, MediaState } from './protocol'

export interface SoftphoneEvents {
  send(message: ClientMessage): boolean
  onState(state: RTCPeerConnectionState): void
  onMicrophone(state: 'open' | 'closed' | MicrophoneFault): void
}

/** An offer without an answer for so long is made again. */
const ANSWER_MS = 8000
/** A path that is only disconnected often comes back by itself. */
const PATIENCE_MS = 1500
const RESTART_EVERY_MS = 4000

export class Softphone {
  settings: AudioSettings = loadSettings()
  private peer: RTCPeerConnection | null = null
  private microphone: MediaStream | null = null
  private context: AudioContext | null = null
  private mine: Meter | null = null
  private theirs: Meter | null = null
  private readonly speaker = new Audio()
  private muted = false
  private iceServers: RTCIceServer[] = []
  private early: (RTCIceCandidateInit | null)[] = []
  private offerTimer: ReturnType<typeof setTimeout> | undefined
  private repairTimer: ReturnType<typeof setTimeout> | undefined
  private turn: Promise<void> = Promise.resolve()
  private wanted = false

  constructor(private readonly events: SoftphoneEvents) {}

  /** After `welcome` of a seat that is signed in. Again on every reconnection: what still works is left alone. */
  start(iceServers: RTCIceServer[]): void {
    this.iceServers = iceServers
    this.wanted = true
    this.inTurn(async () => {
      if (!this.wanted) return
      if (!(await this.ensureMicrophone())) return
      if (this.peer === null) await this.build()
      else if (this.peer.connectionState !== 'connected') await this.offer(true)
    })
  }

  stop(): void {
    this.wanted = false
    this.inTurn(async () => {
      this.teardown()
      this.microphone?.getTracks().forEach((track) => track.stop())
      this.microphone = null
      this.mine?.close()
      this.mine = null
      await this.context?.close()
      this.context = null
      this.events.onMicrophone('closed')
    })
  }

  onAnswer(sdp: string): void {
    this.inTurn(async () => {
      const { peer } = this
      if (peer?.signalingState !== 'have-local-offer') return
      clearTimeout(this.offerTimer)
      try {
        await peer.setRemoteDescription({ type: 'answer', sdp })
      } catch (error) {
        // An answer of another leg than ours, after a restart of the server for instance: begin again.
        console.warn('softphone: the answer does not fit', error)
        this.teardown()
        await this.build()
        return
      }
      for (const candidate of this.early.splice(0)) await addCandidate(peer, candidate)
    })
  }

  onCandidate(candidate: RTCIceCandidateInit | null): void {
    this.inTurn(async () => {
      if (this.peer === null) return
      // A candidate may overtake the answer that it belongs to.
      if (this.peer.remoteDescription === null) this.early.push(candidate)
      else await addCandidate(this.peer, candidate)
    })
  }

  /** The server's end of the leg is gone: nothing to repair, a new one is built. */
  onServerMedia(state: MediaState): void {
    if ((state !== 'closed' && state !== 'failed') || !this.wanted) return
    this.inTurn(async () => {
      // One that is only being made is judged by this end alone: the news may be of the leg before it.
      const { peer } = this
      if (!this.wanted || peer === null || peer.connectionState === 'new' || peer.connectionState === 'connecting') return
      this.teardown()
      await this.build()
    })
  }

  setMuted(on: boolean): void {
    this.muted = on
    this.microphone?.getAudioTracks().forEach((track) => (track.enabled = !on))
  }

  /** Another device or another treatment of the sound: the track is replaced, the call goes on. */
  async use(settings: AudioSettings): Promise<void> {
    const speakerOnly = { ...this.settings, speaker: '' }
    const reopen = JSON.stringify(speakerOnly) !== JSON.stringify({ ...settings, speaker: '' })
    this.settings = { ...settings }
    saveSettings(settings)
    await useSpeaker(this.speaker, settings.speaker)
    if (!reopen || this.microphone === null) return
    this.inTurn(async () => {
      this.microphone?.getTracks().forEach((track) => track.stop())
      this.microphone = null
      if (!(await this.ensureMicrophone())) return
      await this.peer?.getSenders()[0]?.replaceTrack(this.track())
    })
  }

  levels(): { mine: number; theirs: number } {
    return { mine: this.muted ? 0 : (this.mine?.level() ?? 0), theirs: this.theirs?.level() ?? 0 }
  }

  /** One thing at a time: descriptions that overtake each other end a connection. */
  private inTurn(work: () => Promise<void>): void {
    this.turn = this.turn.then(work).catch((error: unknown) => console.warn('softphone', error))
  }

  private track(): MediaStreamTrack | null {
    return this.microphone?.getAudioTracks()[0] ?? null
  }

  private async ensureMicrophone(): Promise<boolean> {
    if (this.microphone?.active) return true
    if (!window.isSecureContext) {
      this.events.onMicrophone('insecure')
      return false
    }
    try {
      this.microphone = await openMicrophone(this.settings)
    } catch (error) {
      this.events.onMicrophone(faultOf(error))
      return false
    }
    const track = this.track()
    if (track !== null) {
      track.enabled = !this.muted
      track.onended = () => this.events.onMicrophone('missing')
    }
    this.context ??= new AudioContext()
    void this.context.resume()
    this.mine?.close()
    this.mine = new Meter(this.context, this.microphone)
    this.events.onMicrophone('open')
    return true
  }

  private async build(): Promise<void> {
    const peer = new RTCPeerConnection({ iceServers: this.iceServers, bundlePolicy: 'max-bundle' })
    this.peer = peer
    this.early = []
    peer.onicecandidate = ({ candidate }) => this.events.send({ type: 'candidate', candidate: candidate?.toJSON() ?? null })
    peer.onconnectionstatechange = () => {
      if (peer === this.peer) this.onPeerState(peer.connectionState)
    }
    peer.ontrack = ({ track, streams }) => this.play(streams[0] ?? new MediaStream([track]))
    const microphone = this.track()
    const transceiver = peer.addTransceiver(microphone ?? 'audio', {
      direction: 'sendrecv',
      streams: this.microphone === null ? [] : [this.microphone],
    })
    transceiver.setCodecPreferences(preferred(RTCRtpReceiver.getCapabilities('audio')?.codecs ?? []))
    await this.offer(false)
  }

  private async offer(iceRestart: boolean): Promise<void> {
    const { peer } = this
    if (peer === null) return
    if (peer.signalingState === 'have-local-offer') await peer.setLocalDescription({ type: 'rollback' })
    await peer.setLocalDescription(await peer.createOffer({ iceRestart }))
    this.events.send({ type: 'offer', sdp: peer.localDescription?.sdp ?? '' })
    clearTimeout(this.offerTimer)
    this.offerTimer = setTimeout(() => this.repair(), ANSWER_MS)
  }

  private onPeerState(state: RTCPeerConnectionState): void {
    this.events.onState(state)
    clearTimeout(this.repairTimer)
    if (state === 'disconnected') this.repairTimer = setTimeout(() => this.repair(), PATIENCE_MS)
    else if (state === 'failed') this.repair()
  }

  private repair(): void {
    this.inTurn(async () => {
      if (!this.wanted || this.peer === null || this.peer.connectionState === 'connected') return
      await this.offer(true)
      clearTimeout(this.repairTimer)
      this.repairTimer = setTimeout(() => this.repair(), RESTART_EVERY_MS)
    })
  }

  private play(stream: MediaStream): void {
    this.speaker.srcObject = stream
    void useSpeaker(this.speaker, this.settings.speaker)
    // Signing in was a gesture of the user, so that browsers let it play.
    this.speaker.play().catch(() => undefined)
    this.theirs?.close()
    this.theirs = this.context === null ? null : new Meter(this.context, stream)
  }

  private teardown(): void {
    clearTimeout(this.offerTimer)
    clearTimeout(this.repairTimer)
    this.peer?.close()
    this.peer = null
    this.theirs?.close()
    this.theirs = null
    this.speaker.srcObject = null
    this.events.onState('closed')
  }
}

async function addCandidate(peer: RTCPeerConnection, candidate: RTCIceCandidateInit | null): Promise<void> {
  // One unusable candidate is no reason to lose the others.
  await peer.addIceCandidate(candidate ?? undefined).catch(() => undefined)
}

interface Codec {
  mimeType: string
  clockRate: number
}

const ORDER = ['audio/pcma', 'audio/pcmu', 'audio/telephone-event']

/** PCMA, PCMU, telephone-event at 8000 Hz; anything else is not offered. */
export function preferred<C extends Codec>(codecs: C[]): C[] {
  const rank = ({ mimeType }: Codec) => ORDER.indexOf(mimeType.toLowerCase())
  return codecs.filter((codec) => codec.clockRate === 8000 && rank(codec) >= 0).sort((a, b) => rank(a) - rank(b))
}
