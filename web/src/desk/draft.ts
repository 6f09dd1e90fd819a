/**
 * What the agent writes about one visit before it is handed in: note, form, facts, script step. The note is saved at the server one
 * second after the last key; the rest lives in the session storage, so that a reload loses nothing, and goes with `wrapped_up`.
 */
import { reactive, ref, watch } from 'vue'
import type { Call, End } from '../seat/protocol'
import { useSeat } from '../seat/useSeat'

export type Saving = 'clean' | 'unsaved' | 'saving' | 'saved' | 'failed'

interface Kept {
  visit: string
  step: number
  form: Record<string, string>
  end: End | null
}

const KEY = 'huifang.draft'
const AUTOSAVE_MS = 1000
const RETRY_MS = 3000

const { state, call, may, quietly, command } = useSeat()

export const note = ref('')
export const saving = ref<Saving>('clean')
export const savedAt = ref<Date | null>(null)
export const draft = reactive<Kept>({ visit: '', step: 0, form: {}, end: null })
let timer: ReturnType<typeof setTimeout> | undefined

watch(call, (next, before) => {
  if (next === null) reset('')
  else if (next.visit !== draft.visit) takeUp(next)
  else if (next.end !== null && JSON.stringify(next.end) !== JSON.stringify(before?.end)) draft.end = next.end
  if (next?.phase === 'answered' && before?.phase !== 'answered' && before != null) goTo(0)
})

watch(draft, (kept) => sessionStorage.setItem(KEY, JSON.stringify(kept)))

watch(
  () => state.value.link,
  (link) => link === 'open' && saving.value === 'failed' && void save(),
)

function takeUp(next: Call): void {
  const kept = stored()
  if (kept?.visit === next.visit) Object.assign(draft, kept, { end: next.end ?? kept.end })
  else reset(next.visit, next.end)
  note.value = next.note
  saving.value = 'clean'
}

function reset(visit: string, end: End | null = null): void {
  clearTimeout(timer)
  Object.assign(draft, { visit, step: 0, form: {}, end })
  note.value = ''
  saving.value = 'clean'
  savedAt.value = null
}

function stored(): Kept | null {
  try {
    return JSON.parse(sessionStorage.getItem(KEY) ?? 'null') as Kept | null
  } catch {
    return null
  }
}

/** The agent typed. */
export function onNote(text: string): void {
  note.value = text
  saving.value = 'unsaved'
  clearTimeout(timer)
  timer = setTimeout(() => void save(), AUTOSAVE_MS)
}

async function save(): Promise<void> {
  clearTimeout(timer)
  const text = note.value
  const { visit } = draft
  saving.value = 'saving'
  const done = await quietly({ type: 'note', text })
  // Meanwhile another visit, or more text whose own timer runs.
  if (visit !== draft.visit || text !== note.value) return
  saving.value = done ? 'saved' : 'failed'
  if (done) savedAt.value = new Date()
  else timer = setTimeout(() => void save(), RETRY_MS)
}

/** Shows a step of the script, and tells the journal while the customer is there. */
export function goTo(index: number): void {
  const steps = call.value?.script.steps ?? []
  const step = steps[index]
  if (step === undefined) return
  draft.step = index
  if (!may.value.talk) return
  const { indicator } = step
  void quietly({ type: 'step', step: step.step, ...(indicator === null ? {} : { indicator }) })
}

/** The outcome key: told at once, and kept for the wrap-up. */
export async function decide(end: End): Promise<void> {
  if (!may.value.result) return
  draft.end = end
  await command({ type: 'result', end, note: note.value })
}

/** Hands the visit in. */
export async function wrapUp(): Promise<void> {
  const { end } = draft
  if (end === null) return
  clearTimeout(timer)
  const form = Object.fromEntries(Object.entries(draft.form).filter(([, text]) => text.trim() !== ''))
  await command({ type: 'wrapped_up', end, note: note.value, form })
}
