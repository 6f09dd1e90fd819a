/** Requests to `/api/v1`; an error answer (RFC 9457) becomes an [`HttpError`], an unreachable server one with status 0. */

export class HttpError extends Error {
  constructor(
    readonly status: number,
    readonly problem: string,
    detail: string,
  ) {
    super(detail)
  }
}

interface Problem {
  type?: string
  detail?: string
}

export async function request<T>(method: string, path: string, token: string | null, body?: unknown): Promise<T> {
  const headers: Record<string, string> = {}
  if (token !== null) headers.Authorization = `Bearer ${token}`
  if (body !== undefined) headers['Content-Type'] = 'application/json'
  let response: Response
  try {
    response = await fetch(`/api/v1${path}`, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) })
  } catch {
    throw new HttpError(0, 'unreachable', '')
  }
  if (!response.ok) {
    const problem = (await response.json().catch(() => ({}))) as Problem
    throw new HttpError(response.status, problem.type?.split(':').pop() ?? '', problem.detail ?? response.statusText)
  }
  return (response.status === 204 ? undefined : await response.json()) as T
}
