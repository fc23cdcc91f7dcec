/** `tollbook doctor` on a primary and a standby that follows it: what a commit waits for, and what is lost with a machine. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import postgres from 'postgres'
import { runCli } from '../support/cli.ts'
import { type ServerPair, startServerPair } from '../support/standby.ts'
import { until } from '../support/until.ts'

let pair: ServerPair
let admin: postgres.Sql
let urls: Record<'one' | 'several' | 'plain', string>

beforeAll(async () => {
  pair = await startServerPair(async () => ({}), 'alpha')
  const { login, primaryPort, standbyPort } = pair
  const primary = `127.0.0.1:${primaryPort}`
  urls = {
    one: `postgres://${login}@${primary}/postgres`,
    several: `postgres://${login}@${primary},127.0.0.1:${standbyPort}/postgres`,
    plain: `postgres://plain:x@${primary}/postgres`,
  }
  admin = postgres(urls.one, { max: 1, onnotice: () => {} })
  await admin.unsafe(`create role plain login password 'x'`)
  await until(
    async () =>
      (await admin`select from pg_stat_replication where state = 'streaming'`).length === 1,
  )
})
afterAll(async () => {
  await admin.end({ timeout: 5 })
  await pair.stop()
})

/** No transaction of the test waits for standbys. */
async function waitFor(names: string): Promise<void> {
  await admin.unsafe(`alter system set synchronous_standby_names = '${names}'`)
  await admin`select pg_reload_conf()`
  await until(async () => {
    const [row] = await admin`select current_setting('synchronous_standby_names') as names`
    return row?.names === names
  })
}

async function findings(url: string, settings = '') {
  const options = settings === '' ? '' : `?options=${encodeURIComponent(settings)}`
  const { stdout } = await runCli(['doctor', '--json'], { database: url + options })
  const list = JSON.parse(stdout).findings as {
    check: string
    status: string
    found: string
    advice?: string
  }[]
  return (check: string) => list.find((finding) => finding.check === check)
}

test.each([
  ['', 'one', 'warning', 'a commit waits for none of alpha'],
  ['', 'several', 'problem', 'a commit waits for none, and DATABASE_URL names 2 servers'],
  ['alpha', 'one', 'problem', 'first 1 of alpha, 1 connected'],
  ['FIRST 1 (alpha)', 'several', 'problem', 'first 1 of alpha, 1 connected'],
  ['ANY 1 (beta, gamma)', 'one', 'problem', 'any 1 of beta, gamma, 0 connected'],
  ['ANY 2 (alpha, beta, gamma)', 'one', 'problem', 'any 2 of alpha, beta, gamma, 1 connected'],
  ['*', 'one', 'warning', 'first 1 of *, 1 connected'],
  ['ANY 1 (alpha, beta)', 'several', 'warning', 'any 1 of alpha, beta, 1 connected'],
  ['FIRST 1 (ALPHA, beta)', 'one', 'warning', 'first 1 of alpha, beta, 1 connected'],
  ['ANY 1 (alpha, beta)', 'plain', 'warning', 'any 1 of alpha, beta, 1 connected'],
  ['ANY 1 ("db-1", alpha)', 'several', 'warning', 'any 1 of "db-1", alpha, 1 connected'],
  ['alpha', 'plain', 'problem', 'first 1 of alpha, 1 connected'],
] as const)(
  'where commits wait for %p (DATABASE_URL: %s), it finds: %s',
  async (names, url, status, found) => {
    await waitFor(names)
    const finding = (await findings(urls[url]))('standbys')
    expect(finding).toMatchObject({ status, found })
    expect(finding?.advice).toBeDefined()
  },
)

test('a single standby that Patroni names is a warning, for Patroni names another', async () => {
  await waitFor('alpha')
  const patroni = postgres(urls.one, { max: 1, connection: { application_name: 'Patroni' } })
  await patroni`select 1`
  expect((await findings(urls.one))('standbys')?.status).toBe('warning')
  await patroni.end()
})

test.each([
  ['local', 'problem'],
  ['remote_write', 'warning'],
  ['on', 'ok'],
])(
  'beside standbys that are named, synchronous_commit = %s is found to be a %s',
  async (commit, status) => {
    await waitFor('ANY 1 (alpha, beta)')
    const find = await findings(urls.one, `-c synchronous_commit=${commit}`)
    expect(find('synchronous_commit')).toMatchObject({ status })
  },
)
