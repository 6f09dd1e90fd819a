/** When a customer may want to be called: the quick choices, as local times of the browser. */

export type Choice = 'inHalfHour' | 'thisAfternoon' | 'tomorrowMorning'

const AFTERNOON_H = 15
const MORNING_H = 9
/** An afternoon call that is less than this ahead is no afternoon appointment any more. */
const NOTICE_MS = 15 * 60_000

/** null: the choice makes no sense any more today. */
export function timeOf(choice: Choice, now: Date): Date | null {
  const at = new Date(now)
  at.setSeconds(0, 0)
  switch (choice) {
    case 'inHalfHour':
      at.setMinutes(at.getMinutes() + 30)
      return at
    case 'thisAfternoon':
      at.setHours(AFTERNOON_H, 0)
      return at.getTime() - now.getTime() >= NOTICE_MS ? at : null
    case 'tomorrowMorning':
      at.setDate(at.getDate() + 1)
      at.setHours(MORNING_H, 0)
      return at
  }
}

/** RFC 3339 with the browser's offset: what people see is what is sent. */
export function instant(at: Date): string {
  const two = (n: number) => String(Math.trunc(Math.abs(n))).padStart(2, '0')
  const offset = -at.getTimezoneOffset()
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`
  const time = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`
  return `${day}T${time}${offset < 0 ? '-' : '+'}${two(offset / 60)}:${two(offset % 60)}`
}
