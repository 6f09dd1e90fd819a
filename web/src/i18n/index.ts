/** Words of the page: one dictionary per language with the shape of `zh-CN.ts`, so that a missing word does not compile. */
import { computed, ref } from 'vue'
import en from './en'
import zhCN from './zh-CN'

type Shape<T> = { [K in keyof T]: T[K] extends string ? string : T[K] extends (...args: infer A) => string ? (...args: A) => string : Shape<T[K]> }
export type Messages = Shape<typeof zhCN>

export const LANGUAGES = { 'zh-CN': zhCN, en } satisfies Record<string, Messages>
export type Language = keyof typeof LANGUAGES

const KEY = 'huifang.language'

function remembered(): Language {
  const found = localStorage.getItem(KEY)
  return found !== null && found in LANGUAGES ? (found as Language) : 'zh-CN'
}

export const language = ref<Language>(remembered())
export const t = computed<Messages>(() => LANGUAGES[language.value])

export function speak(next: Language): void {
  language.value = next
  localStorage.setItem(KEY, next)
  document.documentElement.lang = next
}

/** The word for a name of the protocol; a name that the dictionary lacks is shown as it is. */
export function word(words: Readonly<Record<string, string>>, name: string | null | undefined): string {
  return name == null ? '' : (words[name] ?? name)
}
