/** Pages of the console. Addresses live behind `#`, so that the server keeps its honest 404 for every path that it does not have. */
import { watch } from 'vue'
import { createRouter, createWebHashHistory } from 'vue-router'
import { maySupervise, session } from './api/session'
import BoardPage from './board/BoardPage.vue'
import DeskPage from './desk/DeskPage.vue'
import CallPage from './review/CallPage.vue'
import CallsPage from './review/CallsPage.vue'
import SignInPage from './session/SignInPage.vue'

export const router = createRouter({
  history: createWebHashHistory(),
  routes: [
    { path: '/sign-in', name: 'sign-in', component: SignInPage },
    { path: '/desk', name: 'desk', component: DeskPage },
    { path: '/board', name: 'board', component: BoardPage },
    { path: '/calls', name: 'calls', component: CallsPage },
    { path: '/calls/:id', name: 'call', component: CallPage },
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

router.beforeEach((to) => {
  if (session.value === null) {
    if (to.name === 'call' || to.name === 'calls') wanted = to.fullPath
    return to.name === 'sign-in' ? true : { name: 'sign-in' }
  }
  if (wanted !== null) {
    const path = wanted
    wanted = null
    return path
  }
  if (to.name === 'sign-in') return home()
  return to.name === 'board' && !maySupervise(session.value) ? home() : true
})

// A session that ended, by whatever cause, leads back to the sign-in.
watch(session, (now, before) => {
  if (now === null && before !== null) void router.replace({ name: 'sign-in', query: { ended: '1' } })
})
