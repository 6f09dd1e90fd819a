/**
 * `GET /api/v1/events`: the names of the news, as they come. An EventSource cannot carry a token, so the stream is read by hand.
 *
 * Contract: a stream that breaks is opened again; after every opening `lagged` is told, for something may have been missed.
 */

const RETRY_MS = [500, 1000, 2000, 5000]

/** The names of the events that are whole in `text`, and what is left of it. */
export function takeEvents(text: string): { names: string[]; rest: string } {
  const blocks = text.split(/\r?\n\r?\n/)
  const rest = blocks.pop() ?? ''
  const names = blocks.flatMap((block) => /^event: ?(.*)$/m.exec(block)?.[1] ?? [])
  return { names, rest }
}

/** Listens until the function that comes back is called. `onLink` is told when the stream is there and when it is not. */
export function listen(token: string, onNews: (name: string) => void, onLink: (up: boolean) => void): () => void {
  const stop = new AbortController()
  let failures = 0

  async function once(): Promise<void> {
    const response = await fetch('/api/v1/events', { headers: { Authorization: `Bearer ${token}` }, signal: stop.signal })
    if (!response.ok || response.body === null) throw new Error(`events: ${response.status}`)
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
    failures = 0
    onLink(true)
    onNews('lagged')
    for (let text = ''; ; ) {
      const { done, value } = await reader.read()
      if (done) return
      const { names, rest } = takeEvents(text + value)
      text = rest
      names.forEach(onNews)
    }
  }

  async function forever(): Promise<void> {
    while (!stop.signal.aborted) {
      await once().catch(() => undefined)
      if (stop.signal.aborted) return
      onLink(false)
      const wait = RETRY_MS[Math.min(failures++, RETRY_MS.length - 1)]
      await new Promise((resolve) => setTimeout(resolve, wait))
    }
  }

  void forever()
  return () => stop.abort()
}
