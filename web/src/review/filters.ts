/** The filters of the list of calls: in the address, so that a list can be sent to somebody, and in the request. Pure. */
import type { LocationQuery } from 'vue-router'

/** As typed; empty is left out. */
export interface Filters {
  /** Days, both included. */
  from: string
  to: string
  seat: string
  programme: string
  outcome: string
  index_from: string
  index_to: string
  state: string
  why: string
  alarm: boolean
  due: boolean
  q: string
}

export const NONE: Readonly<Filters> = {
  from: '', to: '', seat: '', programme: '', outcome: '', index_from: '', index_to: '', state: '', why: '', alarm: false, due: false, q: '',
}

export function filtersOf(query: LocationQuery): Filters {
  const found = { ...NONE } as Record<keyof Filters, string | boolean>
  for (const [name, none] of Object.entries(NONE) as [keyof Filters, string | boolean][]) {
    const value = query[name]
    if (typeof value === 'string') found[name] = typeof none === 'boolean' ? value === '1' : value
  }
  return found as unknown as Filters
}

/** For the address: only what is set. */
export function queryOf(filters: Filters): Record<string, string> {
  const set = (Object.entries(filters) as [string, string | boolean][]).filter(([, value]) => value !== '' && value !== false)
  return Object.fromEntries(set.map(([name, value]) => [name, value === true ? '1' : String(value).trim()]))
}

/** For `GET /reviews`: days become instants of the site, the last one included. */
export function requestOf(filters: Filters, cursor: string | null, limit: number): string {
  const wanted = new URLSearchParams()
  for (const [name, value] of Object.entries(queryOf(filters))) {
    if (name === 'to') wanted.set(name, dayAfter(value))
    else wanted.set(name, value === '1' && (name === 'alarm' || name === 'due') ? 'true' : value)
  }
  wanted.set('limit', String(limit))
  if (cursor !== null) wanted.set('cursor', cursor)
  return wanted.toString()
}

/** `2026-02-28` → `2026-03-01`; what is no day is left as it is, for the server to refuse. */
export function dayAfter(day: string): string {
  const at = /^\d{4}-\d\d-\d\d$/.test(day) ? Date.parse(`${day}T00:00:00Z`) : NaN
  return Number.isNaN(at) ? day : new Date(at + 86_400_000).toISOString().slice(0, 10)
}
