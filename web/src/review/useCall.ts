/** One call with everything that was made of it, and what a reviewer does about it. */
import { ref, shallowRef } from 'vue'
import { HttpError, request } from '../api/http'
import { forget } from '../api/session'
import type { Dispute, Listing, Mark, Peaks, Report, Review, Scorecard, Sheet } from './protocol'

/** More than a wide screen has columns. */
const POINTS = 2400

export function useCall(token: string) {
  const report = shallowRef<Report | null>(null)
  const peaks = shallowRef<Peaks | null>(null)
  const review = shallowRef<Review | null>(null)
  const sheet = shallowRef<Sheet | null>(null)
  const disputes = shallowRef<Dispute[]>([])
  /** The call could not be read: `''` where the server cannot be reached. */
  const unread = ref<string | null>(null)
  /** Something was refused. */
  const refused = ref<string | null>(null)
  const busy = ref(false)
  let open = ''

  const get = <T>(path: string) => request<T>('GET', path, token)
  /** What was not made yet is nothing. */
  const made = <T>(path: string) => get<T>(path).catch((error: unknown) => {
    if (error instanceof HttpError && [404, 409, 410].includes(error.status)) return null
    throw error
  })

  async function read(id: string): Promise<void> {
    if (open !== id) for (const one of [report, peaks, review, sheet]) one.value = null
    open = id
    unread.value = null
    refused.value = null
    const path = `/calls/${encodeURIComponent(id)}`
    try {
      const [whole, outline, state, qa, objections] = await Promise.all([
        get<Report>(`${path}/report`), made<Peaks>(`${path}/peaks?points=${POINTS}`), made<Review>(`${path}/review`), made<Sheet>(`${path}/qa`),
        get<Listing<Dispute>>(`/disputes?call=${encodeURIComponent(id)}`),
      ])
      if (open !== id) return
      report.value = whole
      peaks.value = outline
      review.value = state
      sheet.value = qa
      disputes.value = objections.items
    } catch (error) {
      if (open !== id) return
      if (error instanceof HttpError && error.status === 401) forget()
      unread.value = error instanceof HttpError && error.status !== 0 ? error.message : ''
    }
  }

  /** One thing at a time; a refusal is shown in the server's words. True when it was done. */
  async function act(work: (path: string) => Promise<void>): Promise<boolean> {
    if (busy.value) return false
    busy.value = true
    refused.value = null
    try {
      await work(`/calls/${encodeURIComponent(open)}`)
      return true
    } catch (error) {
      if (error instanceof HttpError && error.status === 401) forget()
      refused.value = error instanceof Error ? error.message : String(error)
      return false
    } finally {
      busy.value = false
    }
  }

  async function after<T>(asked: Promise<T>, keep: (found: T) => void): Promise<void> {
    const id = open
    const found = await asked
    if (open === id) keep(found)
  }

  return {
    report, peaks, review, sheet, disputes, unread, refused, busy, read,
    override: (indicator: string, level: number | null, reason: string) =>
      act((path) =>
        after(request<Scorecard>('PUT', `${path}/scorecard/${encodeURIComponent(indicator)}`, token, { level, reason }), (scorecard) => {
          if (report.value !== null) report.value = { ...report.value, scorecard }
          if (review.value !== null) review.value = { ...review.value, index: scorecard.index.mean }
        }),
      ),
    step: (step: 'claim' | 'release' | 'finish' | 'reopen') =>
      act((path) => after(request<Review>('POST', `${path}/review/${step}`, token), (found) => (review.value = found))),
    mark: (item: string, mark: Mark, reason: string) =>
      act((path) => after(request<Sheet>('PUT', `${path}/qa/${encodeURIComponent(item)}`, token, { mark, reason }), (found) => (sheet.value = found))),
    object: (item: string, reason: string) =>
      act((path) => after(request<Dispute>('POST', `${path}/disputes`, token, { item, reason }), (found) => (disputes.value = [found, ...disputes.value]))),
    answer: (id: string, body: { act: string; text: string; mark?: Mark }) =>
      act(async (path) => {
        await after(request<Dispute>('POST', `/disputes/${encodeURIComponent(id)}/steps`, token, body), (found) => {
          disputes.value = disputes.value.map((one) => (one.id === found.id ? found : one))
        })
        // An objection that was upheld has changed the sheet.
        if (body.act === 'uphold') await after(get<Sheet>(`${path}/qa`), (found) => (sheet.value = found))
      }),
  }
}
