/** Every action of a review has a key; keys work while nothing is typed. */
import type { Messages } from '../i18n'

export type Action = keyof Messages['review']['actions']

export const KEYS: Readonly<Record<Action, readonly string[]>> = {
  play: ['Space', 'K'],
  back: ['←', 'J'],
  forward: ['→', 'L'],
  slower: ['['],
  faster: [']'],
  normal: ['0'],
  begin: ['Home'],
  turnPrevious: ['↑'],
  turnNext: ['↓'],
  placeNext: ['F'],
  placePrevious: ['Shift+F'],
  skill: ['1'],
  attitude: ['2'],
  timeliness: ['3'],
  parts: ['4'],
  overall: ['5'],
  claim: ['C'],
  finish: ['D'],
  sheet: ['Q'],
  follow: ['T'],
  copy: ['Y'],
  callPrevious: ['P'],
  callNext: ['N'],
  list: ['G'],
  help: ['?'],
}

const NAMES: Readonly<Record<string, string>> = { ' ': 'Space', ArrowLeft: '←', ArrowRight: '→', ArrowUp: '↑', ArrowDown: '↓' }

const BY_KEY = new Map((Object.entries(KEYS) as [Action, readonly string[]][]).flatMap(([action, keys]) => keys.map((key) => [key, action] as const)))

export interface KeyPress {
  key: string
  altKey: boolean
  ctrlKey: boolean
  metaKey: boolean
  shiftKey: boolean
  isComposing: boolean
}

export function actionOf(press: KeyPress): Action | null {
  if (press.altKey || press.ctrlKey || press.metaKey || press.isComposing) return null
  const letter = /^[a-z]$/i.test(press.key)
  const key = letter ? press.key.toUpperCase() : (NAMES[press.key] ?? press.key)
  return BY_KEY.get(letter && press.shiftKey ? `Shift+${key}` : key) ?? null
}
