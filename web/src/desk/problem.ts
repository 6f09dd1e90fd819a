/** What went wrong, in words for the agent. */
import type { Messages } from '../i18n'
import type { SeatError } from '../seat/connection'
import { shortInstant } from '../parts/format'

export function explain(error: SeatError, t: Messages): string {
  switch (error.code) {
    case 'redial_guard':
      return error.at === null ? error.message || t.errors.redial_guard_unknown : t.errors.redial_guard(shortInstant(error.at))
    case 'not_connected':
      return t.errors.not_connected
    case 'no_answer':
      return t.errors.no_answer
    case 'wrong_state':
      return t.errors.wrong_state
    default:
      return t.errors.other(error.message || error.code)
  }
}
