/** The real engine on free ports in a temporary folder, with SIPp for its customer, who says back whatever he hears. */
import { execFile, spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
/** The Makefile says where cargo has put it. */
const BINARY = process.env.HUIFANG ?? join(ROOT, 'target/debug/huifang')
/** The engine looks for work every quarter of a minute. */
const LIMIT_MS = 40_000

export interface Call {
  id: string
  outcome: string | null
  hung_up_by: string | null
  seat: string | null
  conversation: { kind: string } | null
}

/** Seconds from and to, on the recording's axis. */
export interface Spoken {
  channel: 'agent' | 'customer'
  from: number
  to: number
  text: string
}

export type Role = 'agent' | 'reviewer' | 'supervisor'

export interface Engine {
  url: string
  folder: string
  /** A user with a role; the password. */
  addUser(name: string, role: Role): Promise<string>
  get<T>(path: string): Promise<T>
  /** The visit of a completion SMS. */
  report(order: string): Promise<string>
  /** Gives a call the transcript that a recogniser would have made of it: there are no models here. The engine judges it. */
  transcribed(call: string, segments: readonly Spoken[]): Promise<void>
  /** The recording of a call, as a WAV file. */
  recording(call: string): Promise<Buffer>
  stop(): Promise<void>
}

/** Python is there for the models' scripts; Node 18 knows no SQLite. The job is the one that a recogniser's transcript leaves behind. */
const TRANSCRIBED = `
import sqlite3, sys, time
file, call, segments = sys.argv[1:]
now = int(time.time() * 1000)
with sqlite3.connect(file, timeout=20) as db:
    db.execute("INSERT INTO transcripts (call_id, version, engine, model, segments, made_at) VALUES (?, 1, 'test', 'test', ?, ?)", (call, segments, now))
    db.execute("INSERT INTO jobs (id, kind, subject, state, run_at, attempts, created_at) VALUES (?, 'judge', ?, 'queued', ?, 0, ?)", ('judge-' + call, call, now, now))
`

export async function startEngine(): Promise<Engine> {
  const folder = mkdtempSync(join(tmpdir(), 'huifang-desk-'))
  const [sip, media] = [await freePort(), await freePort()]
  const customer = spawn('sipp', ['-sn', 'uas', '-rtp_echo', '-i', '127.0.0.1', '-p', `${sip}`, '-mi', '127.0.0.1', '-mp', `${media}`, '-nostdin'], {
    cwd: folder,
    stdio: 'ignore',
  })
  const config = join(folder, 'huifang.toml')
  writeFileSync(config, configuration(folder, sip))
  const engine = spawn(BINARY, ['serve', '--config', config], { cwd: ROOT, env: { ...process.env, HUIFANG_LOG: 'warn' }, stdio: ['ignore', 'pipe', 'inherit'] })
  const stop = async () => {
    customer.kill('SIGKILL')
    engine.kill('SIGTERM')
    const code = await ended(engine)
    rmSync(folder, { recursive: true, force: true })
    if (code !== 0) throw new Error(`the engine ended with ${code}`)
  }
  const { url, token } = await started(engine).catch(async (error: unknown) => {
    await stop().catch(() => undefined)
    throw error
  })
  const get = async (path: string): Promise<Response> => {
    const response = await fetch(`${url}/api/v1/${path}`, { headers: { authorization: `Bearer ${token}` } })
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`)
    return response
  }
  return {
    url,
    folder,
    addUser: async (name, role) => {
      const { stdout } = await promisify(execFile)(BINARY, ['user', 'add', name, '--role', role, '--config', config])
      return /password: (\S+)/.exec(stdout)?.[1] ?? fail(stdout)
    },
    get: async <T>(path: string) => (await (await get(path)).json()) as T,
    report: async (order) => {
      const text = `【福田雷沃】服务完工通知：订单${order}，客户张建国先生(13812345678)，机型FR220D2-HD，技术咨询，服务工程师李强`
      const sms = { message_id: `sms-${order}`, from: '10690000', to: '10691234', text, received_at: new Date().toISOString() }
      const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
      const response = await fetch(`${url}/api/v1/sms`, { method: 'POST', headers, body: JSON.stringify(sms) })
      if (response.status !== 202) throw new Error(`sms: ${response.status} ${await response.text()}`)
      return ((await response.json()) as { visit_id: string }).visit_id
    },
    transcribed: async (call, spoken) => {
      const segments = spoken.map(({ channel, from, to, text }) => ({ channel, start: from, end: to, text, confidence: 0.9 }))
      await promisify(execFile)('python3', ['-c', TRANSCRIBED, join(folder, 'huifang.db'), call, JSON.stringify(segments)])
    },
    recording: async (call) => Buffer.from(await (await get(`calls/${call}/recording`)).arrayBuffer()),
    stop,
  }
}

/** Waits for a condition with a limit. */
export async function until<T>(what: string, look: () => Promise<T | null | undefined | false>): Promise<T> {
  const limit = Date.now() + LIMIT_MS
  for (;;) {
    const found = await look()
    if (found) return found
    if (Date.now() > limit) throw new Error(`waited in vain: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

function fail(why: string): never {
  throw new Error(why)
}

/** The first lines on its output name the address and, on a new database, the first administrator's token. */
async function started(engine: ChildProcess): Promise<{ url: string; token: string }> {
  let url: string | undefined
  if (engine.stdout === null) return fail('no output')
  // An engine that says something else, or nothing, ends its output this way, and the loop with it.
  const late = setTimeout(() => engine.kill('SIGTERM'), LIMIT_MS)
  for await (const line of createInterface({ input: engine.stdout })) {
    url = /^console\s+(http:\/\/[^/]+)/.exec(line)?.[1] ?? url
    const token = / token (\S+)$/.exec(line)?.[1]
    if (url !== undefined && token !== undefined) {
      clearTimeout(late)
      return { url, token }
    }
  }
  return fail(`${BINARY} did not start: cargo build makes it, HUIFANG names another`)
}

async function ended(engine: ChildProcess): Promise<number | null> {
  if (engine.exitCode !== null) return engine.exitCode
  return await new Promise((resolve) => engine.once('exit', resolve))
}

async function freePort(): Promise<number> {
  const socket = createSocket('udp4')
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))
  const { port } = socket.address()
  await new Promise<void>((resolve) => socket.close(resolve))
  return port
}

/** Calling hours are kept: it is mid-morning there. */
function zone(): string {
  const ahead = (10 - new Date().getUTCHours() + 24) % 24
  const offset = ahead > 12 ? ahead - 24 : ahead
  // The sign of these zones is turned round: Etc/GMT-8 is eight hours ahead.
  return offset === 0 ? 'Etc/GMT' : `Etc/GMT${offset > 0 ? '-' : '+'}${Math.abs(offset)}`
}

function configuration(folder: string, customer: number): string {
  return `
[site]
timezone = "${zone()}"
work_hours = ["00:00-24:00"]
holidays = "every_day"
[http]
listen = "127.0.0.1:0"
[database]
url = "sqlite://${folder}/huifang.db"
[recordings]
store = "${folder}/recordings"
min_free_mb = 1
[sip]
listen = ["udp:127.0.0.1:0"]
[media]
rtp_ports = "31000-31999"
[dialer]
mode = "agent"
reserve_idle_seats = 0
[data]
programmes = "${ROOT}programmes"
rubrics = "${ROOT}rubrics"
prompts = "${ROOT}prompts"
models = "${folder}/models"
[[trunks]]
name = "line"
uri = "sip:127.0.0.1:${customer}"
options_interval_s = 0
`
}
