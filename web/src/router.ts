/** Pages of the console. Addresses live behind `#`, so that the server keeps its honest 404 for every path that it does not have. */
import { watch } from 'vue'
import { createRouter, createWebHashHistory } from 'vue-router'
import { session } from './api/session'
import DeskPage from './desk/DeskPage.vue'
import SignInPage from './session/SignInPage.vue'

export const router = createRouter({
  history: createWebHashHistory(),
  routes: [
    { path: '/sign-in', name: 'sign-in', component: SignInPage },
    { path: '/desk', name: 'desk', component: DeskPage },
    { path: '/:rest(.*)*', redirect: '/desk' },
  ],
})

router.beforeEach((to) => {
  if (session.value === null) return to.name === 'sign-in' ? true : { name: 'sign-in' }
  return to.name === 'sign-in' ? { name: 'desk' } : true
})

// A session that ended, by whatever cause, leads back to the sign-in.
watch(session, (now, before) => {
  if (now === null && before !== null) void router.replace({ name: 'sign-in', query: { ended: '1' } })
})
