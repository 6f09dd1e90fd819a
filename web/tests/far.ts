/** The far end of the agent's voice: another page of the same browser, which answers the offer and plays its own fake microphone. */
import type { BrowserContext } from 'playwright-core'

export interface Far {
  answer(sdp: string): Promise<string>
}

export async function farEnd(context: BrowserContext, url: string): Promise<Far> {
  const page = await context.newPage()
  // A real document of a secure origin: microphones are not for about:blank.
  await page.goto(`${url}favicon.svg`)
  return {
    answer: (sdp) =>
      page.evaluate(async (offer) => {
        const peer = new RTCPeerConnection()
        const microphone = await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false } })
        microphone.getTracks().forEach((track) => peer.addTrack(track, microphone))
        await peer.setRemoteDescription({ type: 'offer', sdp: offer })
        await peer.setLocalDescription()
        // The mock does not trickle: the answer waits for its candidates.
        if (peer.iceGatheringState !== 'complete') {
          await new Promise<void>((done) => {
            peer.onicegatheringstatechange = () => peer.iceGatheringState === 'complete' && done()
          })
        }
        ;(window as unknown as { far: RTCPeerConnection }).far = peer
        return peer.localDescription?.sdp ?? ''
      }, sdp),
  }
}
