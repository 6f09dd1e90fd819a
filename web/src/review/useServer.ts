/** What a page reads of the server and asks it to do, one thing at a time; a refusal is kept in the server's words. */
import { ref, shallowRef } from 'vue'
import { HttpError, request } from '../api/http'
import { forget } from '../api/session'
import type { Listing } from './protocol'

export function useServer(token: string) {
  const reading = ref(false)
  /** It could not be read: `''` where the server cannot be reached. */
  const unread = ref<string | null>(null)
  const busy = ref(false)
  /** Something was refused. */
  const refused = ref<string | null>(null)
  let turn = 0

  function words(error: unknown): string {
    if (error instanceof HttpError && error.status === 401) forget()
    return error instanceof HttpError && error.status === 0 ? '' : error instanceof Error ? error.message : String(error)
  }

  return {
    reading, unread, busy, refused,
    /** Null when it could not be read, or when something else was asked for meanwhile. */
    async read<T>(path: string): Promise<T | null> {
      const mine = ++turn
      reading.value = true
      unread.value = null
      try {
        const found = await request<T>('GET', path, token)
        return mine === turn ? found : null
      } catch (error) {
        if (mine === turn) unread.value = words(error)
        return null
      } finally {
        if (mine === turn) reading.value = false
      }
    },
    /** Null when it was refused, or while something else is being done. */
    async act<T>(method: 'POST' | 'PUT', path: string, body?: unknown): Promise<T | null> {
      if (busy.value) return null
      busy.value = true
      refused.value = null
      try {
        return await request<T>(method, path, token, body)
      } catch (error) {
        refused.value = words(error)
        return null
      } finally {
        busy.value = false
      }
    },
  }
}

/** The same, and a list that is read page by page. */
export function useListing<T>(token: string, path: string) {
  const server = useServer(token)
  const items = shallowRef<T[] | null>(null)
  const next = ref<string | null>(null)
  return {
    ...server, items, next,
    /** From its beginning, or on from `cursor`. */
    async look(cursor: string | null = null): Promise<void> {
      const found = await server.read<Listing<T>>(cursor === null ? path : `${path}?cursor=${encodeURIComponent(cursor)}`)
      if (found === null) return
      items.value = cursor === null ? found.items : [...(items.value ?? []), ...found.items]
      next.value = found.next
    },
  }
}
