import { createApp } from 'vue'
import App from './App.vue'
import { language, speak } from './i18n'
import { router } from './router'
import './element'
import './styles.css'
import './theme'

speak(language.value)
createApp(App).use(router).mount('#app')
