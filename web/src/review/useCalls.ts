/**
 * The list of calls that a reviewer looks at: kept while he goes from call to call and comes back, and remembered by the window for a
 * reload, so that "next" stays the next of his list.
 */
import { computed, ref, shallowRef } from 'vue'
import { HttpError, request } from '../api/http'
import { forget } from '../api/session'
import type { Filters } from './filters'
import { NONE, queryOf, requestOf } from './filters'
import type { ListedCall, Listing, Review } from './protocol'

const PAGE = 50
const KEY = 'huifang.calls'

const items = shallowRef<ListedCall[] | null>(null)
const ids = shallowRef<string[]>([])
const next = ref<string | null>(null)
const filters = ref<Filters>({ ...NONE })
const reading = ref(false)
const trouble = ref<string | null>(null)
let asked = 0

interface Kept {
  filters: Filters
  ids: string[]
  next: string | null
}

function keep(): void {
  sessionStorage.setItem(KEY, JSON.stringify({ filters: filters.value, ids: ids.value, next: next.value } satisfies Kept))
}

function restore(): void {
  if (ids.value.length > 0) return
  try {
    const kept = JSON.parse(sessionStorage.getItem(KEY) ?? 'null') as Kept | null
    if (kept === null) return
    filters.value = { ...NONE, ...kept.filters }
    ids.value = kept.ids
    next.value = kept.next
  } catch {
    sessionStorage.removeItem(KEY)
  }
}

async function page(token: string, cursor: string | null): Promise<void> {
  const turn = ++asked
  reading.value = true
  trouble.value = null
  try {
    const found = await request<Listing<ListedCall>>('GET', `/reviews?${requestOf(filters.value, cursor, PAGE)}`, token)
    // An answer that was overtaken by another question is no answer to it.
    if (turn !== asked) return
    items.value = cursor === null ? found.items : [...(items.value ?? []), ...found.items]
    ids.value = cursor === null ? found.items.map(({ id }) => id) : [...ids.value, ...found.items.map(({ id }) => id)]
    next.value = found.next
    keep()
  } catch (error) {
    if (turn !== asked) return
    if (error instanceof HttpError && error.status === 401) forget()
    trouble.value = error instanceof HttpError && error.status !== 0 ? error.message : ''
  } finally {
    if (turn === asked) reading.value = false
  }
}

export function useCalls(token: string) {
  restore()
  return {
    items, reading, trouble, filters,
    more: computed(() => next.value !== null),
    /** Reads the list anew, unless it is the one that is shown already. */
    async look(wanted: Filters, again = false): Promise<void> {
      const same = JSON.stringify(queryOf(wanted)) === JSON.stringify(queryOf(filters.value))
      if (same && !again && items.value !== null) return
      if (!same) items.value = null
      filters.value = { ...wanted }
      await page(token, null)
    },
    readMore: () => (next.value === null || reading.value ? Promise.resolve() : page(token, next.value)),
    /** The call before or after `id` in the list; the next page is read when its end is reached. */
    async neighbour(id: string, step: 1 | -1): Promise<string | null> {
      const at = ids.value.indexOf(id)
      if (at < 0) return null
      if (step > 0 && at === ids.value.length - 1 && next.value !== null) await page(token, next.value)
      return ids.value[at + step] ?? null
    },
    hasNeighbour: (id: string, step: 1 | -1) => {
      const at = ids.value.indexOf(id)
      return at >= 0 && (ids.value[at + step] !== undefined || (step > 0 && next.value !== null))
    },
    place: (id: string) => ids.value.indexOf(id),
    /** What became of a call while it was open. */
    note(review: Review): void {
      items.value = items.value?.map((call) => (call.id === review.call_id ? { ...call, review } : call)) ?? null
    },
  }
}
