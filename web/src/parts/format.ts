/** Times and lengths as the pages show them. Instants carry the site's offset and are shown as they are written there. */

/** 75 s → `1:15`, an hour and more → `1:00:00`. */
export function clock(ms: number): string {
  const s = Math.floor(ms / 1000)
  const two = (n: number) => String(n).padStart(2, '0')
  const [h, m] = [Math.floor(s / 3600), Math.floor(s / 60) % 60]
  return h > 0 ? `${h}:${two(m)}:${two(s % 60)}` : `${m}:${two(s % 60)}`
}

/** `2025-09-21T15:20:00+08:00` → `09-21 15:20`, with the year when it is not this one. */
export function shortInstant(at: string | null | undefined, thisYear = new Date().getFullYear()): string {
  const found = /^(\d{4})-(\d\d-\d\d)T(\d\d:\d\d)/.exec(at ?? '')
  if (found === null) return at ?? ''
  const [, year, day, time] = found
  return Number(year) === thisYear ? `${day} ${time}` : `${year}-${day} ${time}`
}

/** Digits in groups that can be read out; anything else is left as it is. */
export function readable(phone: string): string {
  const national = phone.replace(/^\+86/, '')
  return /^1\d{10}$/.test(national) ? national.replace(/^(\d{3})(\d{4})(\d{4})$/, '$1 $2 $3') : national
}
