/** Pages of the console. Addresses live behind `#`, so that the server keeps its honest 404 for every path that it does not have. */
import { watch } from 'vue'
import { createRouter, createWebHashHistory } from 'vue-router'
import { mayReview, maySupervise, session } from './api/session'
import BoardPage from './board/BoardPage.vue'
import DeskPage from './desk/DeskPage.vue'
import AgentPage from './review/AgentPage.vue'
import AgentsPage from './review/AgentsPage.vue'
import CalibrationPage from './review/CalibrationPage.vue'
import CalibrationsPage from './review/CalibrationsPage.vue'
import CallPage from './review/CallPage.vue'
import CallsPage from './review/CallsPage.vue'
import RescoringPage from './review/RescoringPage.vue'
import RescoringsPage from './review/RescoringsPage.vue'
import SignInPage from './session/SignInPage.vue'

export const router = createRouter({
  history: createWebHashHistory(),
  routes: [
    { path: '/sign-in', name: 'sign-in', component: SignInPage },
    { path: '/desk', name: 'desk', component: DeskPage },
    { path: '/board', name: 'board', component: BoardPage },
    { path: '/calls', name: 'calls', component: CallsPage },
    { path: '/calls/:id', name: 'call', component: CallPage },
    { path: '/agents', name: 'agents', component: AgentsPage, meta: { reviews: true } },
    { path: '/agents/:id', name: 'agent', component: AgentPage },
    { path: '/calibrations', name: 'calibrations', component: CalibrationsPage, meta: { reviews: true } },
    { path: '/calibrations/:id', name: 'calibration', component: CalibrationPage, meta: { reviews: true } },
    { path: '/rescoring', name: 'rescorings', component: RescoringsPage, meta: { reviews: true } },
    { path: '/rescoring/:id', name: 'rescoring', component: RescoringPage, meta: { reviews: true } },
    { path: '/:rest(.*)*', redirect: () => home() },
  ],
})

/** Where a user begins: an agent at his desk, a supervisor at the board, a reviewer at the calls. */
function home() {
  if (session.value?.role === 'reviewer') return { name: 'calls' }
  return { name: maySupervise(session.value) ? 'board' : 'desk' }
}

/** An address that was sent by somebody is where one arrives after signing in. */
let wanted: string | null = null
const NEVER_SENT: readonly string[] = ['sign-in', 'desk', 'board']

router.beforeEach((to) => {
  if (session.value === null) {
    if (!NEVER_SENT.includes(String(to.name))) wanted = to.fullPath
    return to.name === 'sign-in' ? true : { name: 'sign-in' }
  }
  if (wanted !== null) {
    const path = wanted
    wanted = null
    return path
  }
  if (to.name === 'sign-in') return home()
  if (to.meta.reviews === true && !mayReview(session.value)) return home()
  return to.name === 'board' && !maySupervise(session.value) ? home() : true
})

// A session that ended, by whatever cause, leads back to the sign-in.
watch(session, (now, before) => {
  if (now === null && before !== null) void router.replace({ name: 'sign-in', query: { ended: '1' } })
})
