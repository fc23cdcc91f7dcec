/** The single-file executable, alone in an empty folder: no packages, no sources, no Bun. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { version } from '../../package.json'
import { wavHeader } from '../../src/demo/wav.ts'
import { connect } from '../../src/ledger/connect.ts'
import { freePort } from '../../src/postgres/free-port.ts'
import { createDatabase, type TestDatabase } from '../support/postgres.ts'
import { rawCall, rawPost } from '../support/raw-client.ts'
import { jwtSecret } from '../support/running-gateway.ts'
import { type ServeProcess, startServe } from '../support/serve-process.ts'
import { until } from '../support/until.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'

const project = join(import.meta.dir, '../..')
const folder = mkdtempSync(join(tmpdir(), 'tollbook-executable-'))
const program = join(folder, 'tollbook')

let upstream: Upstream
let database: TestDatabase
let env: Record<string, string>
let gateway: ServeProcess
const consoleUrl = `http://127.0.0.1:${await freePort()}`
let key: string
beforeAll(async () => {
  await run([process.execPath, 'run', 'compile', '--outfile', program], project, {
    PATH: process.env.PATH ?? '',
  })
  upstream = startUpstream()
  database = await createDatabase()
  const { url } = upstream
  env = {
    PATH: folder, // where no other program is
    ...{ DATABASE_URL: database.url, JWT_SECRET: jwtSecret },
    ...{ SEARCH_SERVICE_URL: url, STT_SERVICE_URL: url, TTS_SERVICE_URL: url },
    // A provider that nobody asks here: without one, `serve` has no console.
    ...{ OIDC_ISSUER: 'http://127.0.0.1:1', OIDC_CLIENT_ID: 'tollbook' },
    ...{ PUBLIC_URL: 'http://127.0.0.1:1', CONSOLE_URL: consoleUrl },
    CONSOLE_PORT: new URL(consoleUrl).port,
  }
  await tollbook('migrate')
  gateway = await startServe(env, { program: [program], cwd: folder })
  const issued = JSON.parse(await tollbook('keys', 'create', '--user', 'anna', '--json'))
  key = issued.key
  await tollbook('accounts', 'plan', issued.accountId, 'enterprise')
})
afterAll(async () => {
  expect(await gateway.stop()).toBe(0)
  await upstream.stop()
  await database.drop()
  rmSync(folder, { recursive: true })
})

/** Runs a command of the executable. @returns what it printed */
function tollbook(...args: string[]): Promise<string> {
  return run([program, ...args], folder, env)
}

async function run(words: string[], cwd: string, env: Record<string, string>): Promise<string> {
  const child = Bun.spawn(words, { cwd, env, stdout: 'pipe', stderr: 'pipe' })
  const [stdout, stderr] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ])
  if ((await child.exited) !== 0) throw new Error(`${words.join(' ')}: ${stderr}${stdout}`)
  return stdout
}

test('prints its version and its help', async () => {
  expect(await tollbook('--version')).toBe(`${version}\n`)
  expect(await tollbook('--help')).toContain('tollbook COMMAND')
})

test('checks its surroundings', async () => {
  const child = Bun.spawn([program, 'doctor', '--json'], { cwd: folder, env })
  const { findings } = await new Response(child.stdout).json()
  const found = (name: string) => findings.find(({ check }: { check: string }) => check === name)
  expect(found('configuration')).toMatchObject({
    ...{ status: 'ok', found: 'tollbook.yaml (built in): 10 routes' },
  })
  expect(found('ledger')).toMatchObject({ status: 'ok' })
  expect(found('upstream stt')).toMatchObject({ status: 'ok' })
})

test('sells calls: more at once than Bun by itself would let out', async () => {
  const { promise: all, resolve: respond } = Promise.withResolvers<void>()
  upstream.respond(async () => {
    await all
    return Response.json({ results: [] })
  })
  const request = rawPost('/v1/search', key, { query: 'q' })
  const calls = Array.from({ length: 300 }, () => rawCall(gateway.url, request))
  await until(() => upstream.executed.length === calls.length)
  respond()
  await Promise.all(calls.map((call) => call.ended()))
  for (const call of calls) {
    expect([call.status, call.header('x-credits-charged')]).toEqual([200, '1'])
    call.socket.destroy()
  }
})

test('measures audio, in a thread of its own', async () => {
  upstream.respond(() => Response.json({ text: 'So long.', model: 'small' }))
  const samples = 8_000 * 70 // a minute and a bit: two started minutes
  const form = new FormData()
  const parts = [wavHeader(samples, 8_000), new Uint8Array(samples * 2)]
  form.set('file', new Blob(parts, { type: 'audio/wav' }), 'speech.wav')
  const url = `${gateway.url}/v1/stt/transcribe`
  const response = await fetch(url, { method: 'POST', headers: { 'x-api-key': key }, body: form })
  expect(response.status).toBe(200)
  expect(response.headers.get('x-credits-charged')).toBe('20')
})

test('has the documentation within it', async () => {
  const page = await fetch(`${gateway.url}/docs`)
  expect(page.status).toBe(200)
  const files = [...(await page.text()).matchAll(/(?:src|href)="(\/docs\/[^"]+)"/g)]
  expect(files.length).toBeGreaterThan(3)
  for (const [, path] of files) {
    const file = await fetch(gateway.url + path)
    expect([path, file.status]).toEqual([path, 200])
    expect((await file.bytes()).length).toBeGreaterThan(100)
  }
  const document = await (await fetch(`${gateway.url}/docs/json`)).json()
  expect(document.paths).toHaveProperty('/v1/search')
})

test.each(['portal', 'console'])('has the pages of the %s within it, gzipped', async (site) => {
  const url = site === 'portal' ? gateway.url : consoleUrl
  const page = await fetch(`${url}/${site}`)
  expect(page.status).toBe(200)
  const files = [...(await page.text()).matchAll(/(?:src|href)="(\/(?:portal|console)\/[^"]+)"/g)]
  expect(files.length).toBe(2)
  for (const [, path] of files) {
    const file = await fetch(url + path)
    expect([path, file.status]).toEqual([path, 200])
    expect(file.headers.get('content-encoding')).toBe('gzip')
    expect((await file.text()).length).toBeGreaterThan(1_000)
  }
})

test('responds to health checks', async () => {
  for (const path of ['/health', '/ready']) {
    expect((await fetch(gateway.url + path)).status).toBe(200)
  }
})

test('the log has each of them once', async () => {
  const sql = connect({ url: database.url, as: 'reader', max: 1 })
  const [row] = await sql<[{ credits: number }]>`
    select sum(credits)::int as credits from events where type = 'HoldSettled'`
  await sql.end()
  expect(row.credits).toBe(320)
})

test('says that it brings no PostgreSQL', async () => {
  const { DATABASE_URL: _, ...without } = env
  const child = Bun.spawn([program, 'up', '--port', '0'], {
    cwd: folder,
    env: without,
    stderr: 'pipe',
  })
  const [errors, status] = await Promise.all([new Response(child.stderr).text(), child.exited])
  expect(status).toBe(1)
  expect(errors).toContain('Set DATABASE_URL')
})
