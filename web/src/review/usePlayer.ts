/**
 * The sound of one recording: an `<audio>` that streams by byte ranges from a link without a token (`POST /calls/{id}/listen`).
 *
 * Contract: `time` is what is heard, read on every frame while it plays; a link that has grown too old is renewed once, at the same
 * place. Speed keeps the pitch.
 */
import type { ShallowRef } from 'vue'
import { onBeforeUnmount, ref, watch } from 'vue'
import { request } from '../api/http'

export function usePlayer(element: Readonly<ShallowRef<HTMLAudioElement | null>>, token: string) {
  const time = ref(0)
  const playing = ref(false)
  const rate = ref(1)
  const trouble = ref(false)
  let call = ''
  let renewed = false
  let frame = 0

  function follow(): void {
    cancelAnimationFrame(frame)
    if (element.value !== null) time.value = element.value.currentTime
    if (playing.value) frame = requestAnimationFrame(follow)
  }

  /** Takes up a recording at a second; it does not play by itself. */
  async function open(id: string, at: number): Promise<void> {
    call = id
    renewed = false
    await link(at)
  }

  async function link(at: number): Promise<void> {
    const asked = call
    trouble.value = false
    try {
      const { url } = await request<{ url: string }>('POST', `/calls/${asked}/listen`, token)
      const audio = element.value
      if (audio === null || asked !== call) return
      audio.src = url
      audio.currentTime = at
      audio.playbackRate = rate.value
      time.value = at
    } catch {
      if (asked === call) trouble.value = true
    }
  }

  function close(): void {
    call = ''
    cancelAnimationFrame(frame)
    const audio = element.value
    if (audio === null) return
    audio.pause()
    audio.removeAttribute('src')
    audio.load()
  }

  async function failed(): Promise<void> {
    if (call === '' || element.value?.error == null) return
    const wasPlaying = playing.value
    playing.value = false
    if (renewed) {
      trouble.value = true
      return
    }
    renewed = true
    await link(time.value)
    if (wasPlaying) play()
  }

  function play(): void {
    element.value?.play().catch(() => (playing.value = false))
  }

  function toggle(): void {
    if (element.value === null) return
    if (element.value.paused) play()
    else element.value.pause()
  }

  function seek(s: number): void {
    const audio = element.value
    if (audio === null) return
    const end = Number.isFinite(audio.duration) ? audio.duration : Infinity
    audio.currentTime = Math.min(Math.max(s, 0), end)
    time.value = audio.currentTime
  }

  watch(rate, (now) => element.value && (element.value.playbackRate = now))
  onBeforeUnmount(close)

  /** For the element's events. */
  const on = {
    play: () => {
      playing.value = true
      renewed = false
      follow()
    },
    pause: () => {
      playing.value = false
      follow()
    },
    seeked: follow,
    error: () => void failed(),
  }

  return { time, playing, rate, trouble, on, open, close, toggle, seek, retry: () => link(time.value) }
}
