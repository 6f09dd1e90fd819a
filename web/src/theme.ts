/** Light or dark: as the system has it until the user chooses, then as chosen. */
import { ref, watchEffect } from 'vue'

const KEY = 'huifang.theme'

export const dark = ref(
  (localStorage.getItem(KEY) ?? (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light')) === 'dark',
)

watchEffect(() => document.documentElement.classList.toggle('dark', dark.value))

export function switchTheme(): void {
  dark.value = !dark.value
  localStorage.setItem(KEY, dark.value ? 'dark' : 'light')
}
