// `npm run dev` serves the page against a running huifang (HUIFANG_URL); `npm run mock` against the server of mock/.
import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'vitest/config'
import { MockServer } from './mock/server'

export default defineConfig(({ mode }) => ({
  plugins: [
    vue(),
    mode === 'mock' && {
      name: 'mock-of-huifang',
      configureServer(server) {
        if (server.httpServer) new MockServer({ plays: true }).attach(server.httpServer, server.middlewares)
      },
    },
  ],
  server: {
    host: '127.0.0.1',
    proxy: mode === 'mock' ? {} : { '/api': { target: process.env.HUIFANG_URL ?? 'http://127.0.0.1:8080', ws: true } },
  },
  // Small files must not become data: URLs, which the page's Content-Security-Policy refuses in style sheets.
  build: { target: 'es2022', assetsInlineLimit: 0, reportCompressedSize: true },
  // A page shows when it can: what it should show is asked for until it does (`expect.poll`).
  test: { environment: 'node', testTimeout: 30_000, hookTimeout: 60_000, expect: { poll: { timeout: 12_000 } } },
}))
