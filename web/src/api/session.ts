/**
 * Who is signed in, in this window. The token stays in the session storage: it outlives a reload, not the window, and two windows
 * may belong to two people.
 */
import { readonly, ref } from 'vue'
import { HttpError, request } from './http'

export interface Session {
  token: string
  name: string
  role: string
}

const KEY = 'huifang.session'
const current = ref<Session | null>(stored())

export const session = readonly(current)

export function maySupervise(who: { readonly role: string } | null): boolean {
  return who !== null && ['supervisor', 'admin'].includes(who.role)
}

export function mayReview(who: { readonly role: string } | null): boolean {
  return who?.role === 'reviewer' || maySupervise(who)
}

export async function signIn(name: string, password: string): Promise<void> {
  const reply = await request<Session>('POST', '/session', null, { name, password })
  current.value = { token: reply.token, name: reply.name, role: reply.role }
  sessionStorage.setItem(KEY, JSON.stringify(current.value))
}

/** Ends the session here, and at the server if it can be reached. */
export async function signOff(): Promise<void> {
  const token = current.value?.token ?? null
  forget()
  if (token !== null) await request('DELETE', '/session', token).catch(() => undefined)
}

export function forget(): void {
  current.value = null
  sessionStorage.removeItem(KEY)
}

/** Why a seat could not be had: no session any more, no right to one, or the server cannot be reached now. */
export async function verdict(): Promise<'yes' | 'later' | 'no_session' | 'no_seat'> {
  try {
    const me = await request<{ role: string }>('GET', '/session', current.value?.token ?? null)
    return ['agent', 'supervisor', 'admin'].includes(me.role) ? 'later' : 'no_seat'
  } catch (error) {
    return error instanceof HttpError && error.status === 401 ? 'no_session' : 'later'
  }
}

function stored(): Session | null {
  try {
    const found = JSON.parse(sessionStorage.getItem(KEY) ?? 'null') as Session | null
    return typeof found?.token === 'string' ? found : null
  } catch {
    return null
  }
}
