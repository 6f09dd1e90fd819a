/**
 * Every action of the desk has a key. Function keys and Alt combinations work everywhere; plain keys only while nothing is typed.
 *
 * Alt keys are read from the physical key: on a Mac, Option changes the letter.
 */
import type { Messages } from '../i18n'

export type Action = keyof Messages['actions']

export const SHORTCUTS: Readonly<Record<Action, readonly string[]>> = {
  signIn: ['Alt+I'],
  available: ['Alt+A'],
  break: ['Alt+B'],
  signOut: ['Alt+O'],
  start: ['Alt+S'],
  decline: ['Alt+R'],
  mute: ['Alt+M', 'M'],
  hold: ['Alt+H', 'H'],
  keypad: ['Alt+K', 'K'],
  hangUp: ['Alt+G'],
  stepNext: ['Alt+N', 'ArrowRight'],
  stepPrevious: ['Alt+P', 'ArrowLeft'],
  note: ['Alt+T'],
  form: ['Alt+W'],
  wrapUp: ['Alt+Enter'],
  completed: ['F1'],
  refused: ['F2'],
  callback: ['F3'],
  wrong_number: ['F4'],
  not_informed: ['F5'],
  no_voice: ['F6'],
  refer: ['F8'],
  devices: ['Alt+V'],
  theme: ['Alt+Q'],
  language: ['Alt+L'],
  help: ['?', 'Alt+/'],
}

export interface KeyPress {
  key: string
  code: string
  altKey: boolean
  ctrlKey: boolean
  metaKey: boolean
  shiftKey: boolean
  isComposing: boolean
}

const BY_KEY = new Map(
  (Object.entries(SHORTCUTS) as [Action, readonly string[]][]).flatMap(([action, keys]) => keys.map((key) => [key, action] as const)),
)

/** `typing`: the focus is where characters or arrows mean something of their own. */
export function actionOf(press: KeyPress, typing: boolean): Action | null {
  if (press.isComposing || press.ctrlKey || press.metaKey) return null
  if (press.altKey) return press.shiftKey ? null : (BY_KEY.get(`Alt+${physical(press.code)}`) ?? null)
  if (/^F\d+$/.test(press.key)) return press.shiftKey ? null : (BY_KEY.get(press.key) ?? null)
  if (typing) return null
  return BY_KEY.get(press.key.length === 1 ? press.key.toUpperCase() : press.key) ?? null
}

function physical(code: string): string {
  if (code === 'NumpadEnter') return 'Enter'
  return code === 'Slash' ? '/' : code.replace(/^Key/, '')
}

const TYPES_ITSELF = 'input, textarea, select, [contenteditable=true], [role=combobox], [role=listbox], [role=radiogroup]'

export function isTyping(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest(TYPES_ITSELF) !== null
}

/** As printed on a button: the first key of an action. */
export function keyName(action: Action): string {
  return SHORTCUTS[action][0] ?? ''
}

/** For `aria-keyshortcuts`. */
export function ariaKeys(action: Action): string {
  return SHORTCUTS[action].join(' ')
}
