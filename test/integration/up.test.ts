/** `tollbook up`, as somebody who tries it out starts it, twice. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import postgres from 'postgres'
import { shippedConfigFile } from '../../src/config/load-config.ts'
import { runCli, runJson, startCli } from '../support/cli.ts'
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
})

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

test('where the up of a folder has stopped, commands say how it is started', async () => {
  const stopped = join(folder, 'stopped')
  mkdirSync(stopped)
  writeFileSync(join(stopped, 'database-url'), 'postgres://tollbook:x@127.0.0.1:1/tollbook')
  const { stderr, status } = await runCli(['verify', '--data', stopped])
  expect(status).not.toBe(0)
  expect(stderr).toContain(`Start it with "tollbook up --data ${stopped}"`)
})

test('a backup is restored into a new folder, and an up there goes on with it', async () => {
  const [backup, restored] = [join(folder, 'ledger.jsonl.gz'), join(folder, 'restored')]
  await runJson(['backup', backup, '--unsigned', '--data', data])
  const restore = ['restore', backup, '--data', restored]
  // What is refused makes no folder.
  expect((await runCli(restore)).stderr).toContain('who has signed the backup?')
  const cut = join(folder, 'cut.jsonl.gz')
  writeFileSync(cut, readFileSync(backup).subarray(0, -20))
  const broken = await runCli(['restore', cut, '--data', restored, '--unsigned'])
  expect(broken.stderr).toContain(`nothing was restored from ${cut}`)
  expect(existsSync(restored)).toBe(false)
  const { stdout, stderr, status } = await runCli([...restore, '--unsigned'])
  if (status !== 0) throw new Error(stderr)
  expect(stdout).toEndWith(`Go on with it: tollbook up --data ${restored}\n`)
  const up = startCli(['up', '--data', restored, '--port', '0', '--json'], { env })
  await up.stdout.getReader().read()
  const postmaster = readFileSync(join(restored, 'postgres/cluster/postmaster.pid'), 'utf8')
  const callOff = guardProcess(Number.parseInt(postmaster, 10), 'INT')
  try {
    const { sound, files } = await runJson(['verify', '--data', restored, '--mark', backup])
    expect([sound, files[0].faults]).toEqual([true, []])
    const again = await runCli([...restore, '--unsigned'])
    expect(again.stderr).toContain('or a new folder (--data)')
  } finally {
    up.kill('SIGINT')
    await up.exited
    await callOff()
  }
})

/** The shipped file with a change, in the folder of the test. */
function changedFile(name: string, from: string, to: string): string {
  const file = join(folder, name)
  const text = readFileSync(shippedConfigFile, 'utf8')
  expect(text.includes(from)).toBe(true)
  writeFileSync(file, text.replace(from, to))
  return file
}

test('a credential that is missing is told beside all other faults, and nothing is made', async () => {
  const file = changedFile(
    'faulty.yaml',
    'search: { urlEnv: SEARCH_SERVICE_URL, demo: search }',
    'search: { url: http://127.0.0.1:9, headers: { X-Token: { env: LIBRARY_TOKEN } } }',
  )
  const faulty = readFileSync(file, 'utf8').replace('per: request, credits', 'per: calls, credits')
  writeFileSync(file, faulty)
  const unmade = join(folder, 'unmade')
  const ran = await runCli(['up', '--config', file, '--data', unmade, '--port', '0'], {
    env: { ...env, DRAIN_SECONDS: 'soon' },
  })
  expect(ran.status).toBe(1)
  expect(ran.stderr).toContain(
    'services.search.headers.X-Token: no credential, set LIBRARY_TOKEN (line',
  )
  expect(ran.stderr).toContain('price.per: expected')
  expect(ran.stderr).toContain('DRAIN_SECONDS: expected')
  expect(existsSync(unmade)).toBe(false)
})

test('an address that nothing can listen at is named, with what to do', async () => {
  const services = Object.fromEntries(
    ['SEARCH', 'STT', 'TTS'].map((name) => [`${name}_SERVICE_URL`, 'http://127.0.0.1:9']),
  )
  const ran = await runCli(['serve', '--host', 'nohost.invalid', '--port', '0'], {
    env: {
      ...{ ...env, ...services, DATABASE_URL: ready.databaseUrl },
      JWT_SECRET: 'nB4v9kQ2xW7zT1mR8pL5sD3fG6hJ0cYe',
    },
  })
  expect(ran.status).toBe(1)
  expect(ran.stderr).toContain('nothing can listen at nohost.invalid')
  expect(ran.stderr).toContain('--host')
})

test('prices of the file that are not in force are told, with the command that publishes them', async () => {
  const file = changedFile('dearer.yaml', 'per: request, credits: 1', 'per: request, credits: 7')
  const other = join(folder, 'other')
  const said = await welcomeOf(file, other)
  expect(said).toContain(`The prices or plans of ${file} are not those in force.`)
  expect(said).toContain(`./tollbook prices publish ${file} --data ${other}`)
  const publish = ['prices', 'publish', file, '--data', other]
  const announced = await runCli([...publish, '--from', '2199-01-01'])
  expect(announced).toMatchObject({ status: 0 })
  const later = await welcomeOf(file, other)
  expect(later).toContain(
    `The prices and plans of ${file} are announced, and come into force at 2199-01-01 00:00:00 UTC.`,
  )
  expect(later).not.toContain('prices publish')
  const examined = await runCli(['doctor', '--data', other])
  expect(examined.stdout).toMatch(/ok +tariff .* comes into force at 2199-01-01 00:00:00 UTC/)
  expect(await runCli(publish)).toMatchObject({ status: 0 })
})

/** What `up` prints with a file, on the database of the first one. */
async function welcomeOf(file: string, data: string): Promise<string> {
  const up = startCli(['up', '--config', file, '--data', data, '--port', '0'], {
    env: { ...env, DATABASE_URL: ready.databaseUrl, LOG_LEVEL: 'error' },
  })
  let said = ''
  for await (const chunk of up.stdout) {
    said += new TextDecoder().decode(chunk)
    if (said.includes('Ctrl-C')) break
  }
  up.kill('SIGINT')
  expect(await up.exited).toBe(0)
  return said
}

test('commands with --data work with the configuration that its up runs with, and publish no other by mistake', async () => {
  const config = join(import.meta.dir, '../../examples/form.yaml')
  const formData = join(folder, 'form')
  const sql = postgres(ready.databaseUrl, { max: 1 })
  await sql`create database form`
  await sql.end()
  const databaseUrl = ready.databaseUrl.replace(/\/[^/?]*(\?|$)/, '/form$1')
  const up = startCli(['up', '--config', config, '--data', formData, '--port', '0', '--json'], {
    env: { ...env, DATABASE_URL: databaseUrl },
  })
  await up.stdout.getReader().read()
  const cli = (...args: string[]) => runCli([...args, '--data', formData])

  expect(await cli('keys', 'create', '--user', 'poor')).toMatchObject({ status: 0, stderr: '' })
  expect((await cli('prices', 'diff')).stdout).toContain('form.yaml is what is in force.')
  const examined = await cli('doctor')
  expect(examined.stdout).toMatch(/ok +configuration +\S*examples\/form\.yaml: /)
  expect(examined.stdout).not.toContain('what is in force differs')

  // Named all the same, another file is told by its name.
  const other = ['--config', shippedConfigFile]
  const refused = await cli('keys', 'create', '--user', 'poorer', ...other)
  expect(refused).toMatchObject({ status: 1, stdout: '' })
  expect(refused.stderr).toContain(`which is the default plan of ${shippedConfigFile}`)
  const { stderr } = await cli('explain', '--key', 'key_1', '--route', 'nowhere', ...other)
  expect(stderr).toContain(`there is no route nowhere in ${shippedConfigFile};`)

  for (const json of [[], ['--json']]) {
    const published = await cli('prices', 'publish', shippedConfigFile, ...json)
    expect(published).toMatchObject({ status: 1, stdout: '' })
    expect(published.stderr).toContain('These would disappear')
    expect(published.stderr).toContain('--yes')
  }
  expect((await cli('prices', 'diff')).stdout).toContain('form.yaml is what is in force.')
  const confirmed = await cli('prices', 'publish', shippedConfigFile, '--yes')
  expect(confirmed).toMatchObject({ status: 0, stderr: '' })
  up.kill('SIGINT')
  expect(await up.exited).toBe(0)
})
