import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { POLICY } from '../mock/server'

it('the mock serves the page under the policy of the server', () => {
  const source = readFileSync(new URL('../../src/http/web.rs', import.meta.url), 'utf8')
  const literal = /const POLICY: &str = "([^"]*)";/.exec(source)?.[1] ?? ''
  expect(literal.replace(/\\\n\s*/g, '')).toBe(POLICY)
})
