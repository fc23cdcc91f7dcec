/** `tollbook up`, as somebody who tries it out starts it, twice. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runCli, startCli } from '../support/cli.ts'
import { guardProcess } from '../support/run.ts'

const folder = mkdtempSync(join(tmpdir(), 'tollbook-up-'))
if (process.getuid?.() === 0) Bun.spawnSync(['chmod', '711', folder])
const data = join(folder, 'data')
const args = ['up', '--data', data, '--port', '0', '--json']
const env = { METRICS_PORT: 'off' }

let first: ReturnType<typeof startCli>
let ready: { url: string; apiKey: string; databaseUrl: string }
let callOff: (() => Promise<void>) | undefined

beforeAll(async () => {
  first = startCli(args, { env })
  const { value } = await first.stdout.getReader().read()
  ready = JSON.parse(new TextDecoder().decode(value))
  const pidFile = readFileSync(join(data, 'postgres/cluster/postmaster.pid'), 'utf8')
  callOff = guardProcess(Number.parseInt(pidFile, 10), 'INT')
}, 120_000)

afterAll(async () => {
  first.kill('SIGINT')
  expect(await first.exited).toBe(0)
  await callOff?.()
  rmSync(folder, { recursive: true, force: true })
})

test('a second one in its folder is refused, and the first sells on', async () => {
  // On the first one's port, so that without the refusal it would end, rather than run on.
  const second = await runCli([...args, '--port', new URL(ready.url).port], { env })
  expect(second).toMatchObject({ status: 1, stdout: '' })
  expect(second.stderr).toContain(`another "tollbook up" runs in ${data}`)
  expect(second.stderr).toContain('--data')

  const call = await fetch(`${ready.url}/v1/search`, {
    method: 'POST',
    headers: { 'X-API-Key': ready.apiKey, 'Content-Type': 'application/json' },
    body: JSON.stringify({ query: 'honey' }),
  })
  expect(call.status).toBe(200)
  expect(call.headers.get('X-Credits-Charged')).toBe('1')
})

/** An address where nothing listens: whoever takes it fails. */
const elsewhere = 'postgres://nobody@127.0.0.1:9/none'

test('--data names its ledger, whatever DATABASE_URL says', async () => {
  const listed = await runCli(['keys', 'list', '--json', '--data', data], {
    env: { DATABASE_URL: elsewhere },
  })
  expect(listed).toMatchObject({ status: 0, stderr: '' })
  expect(listed.stdout).toContain('Ready-made key')
})

test('--data names no ledger where nothing has run, and none beside --database', async () => {
  const unknown = join(folder, 'none')
  const notThere = await runCli(['keys', 'list', '--data', unknown], {
    env: { DATABASE_URL: ready.databaseUrl },
  })
  expect(notThere).toMatchObject({ status: 1, stdout: '' })
  expect(notThere.stderr).toContain(`tollbook up --data ${unknown}`)

  const two = await runCli(['keys', 'list', '--data', data, '--database', elsewhere])
  expect(two).toMatchObject({ status: 1, stdout: '' })
  expect(two.stderr).toContain('pass one')
})
