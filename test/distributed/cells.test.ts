/** Two whole Tollbooks behind one HAProxy: keys find their cell, and prices are published to both. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { parse, stringify } from 'yaml'
import { shippedConfigFile } from '../../src/config/load-config.ts'
import { signToken } from '../../src/http/auth/sign-token.ts'
import { runCli, runJson } from '../support/cli.ts'
import { haproxy, startHaproxy } from '../support/haproxy.ts'
import { jwtSecret } from '../support/running-gateway.ts'
import { type ServeProcess, startServe } from '../support/serve-process.ts'
import { type Ledger, openLedger } from '../support/test-ledger.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'

const root = join(import.meta.dir, '../..')
const names = ['eu', 'us'] as const
type Name = (typeof names)[number]

interface Cell {
  readonly ledger: Ledger
  readonly gateway: ServeProcess
}

describe.skipIf(haproxy === undefined)('two cells behind one balancer', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tollbook-cells-'))
  const cells = {} as Record<Name, Cell>
  let upstream: Upstream
  let balancer: Awaited<ReturnType<typeof startHaproxy>>

  beforeAll(async () => {
    upstream = startUpstream()
    upstream.respond(() => Response.json({ results: [] }))
    const ledgers = {
      eu: await openLedger({ tariff: null }),
      us: await openLedger({ tariff: null }),
    }
    const published = await publish(Object.values(ledgers), shippedConfigFile)
    expect(published.said).toContain('All cells have the same prices.')
    for (const name of names) {
      const ledger = ledgers[name]
      const { url } = upstream
      const gateway = await startServe({
        ...{ DATABASE_URL: ledger.url, JWT_SECRET: jwtSecret, CONSOLE_PORT: 'off' },
        ...{ API_KEY_PREFIX_LIVE: `sk_${name}_live_`, API_KEY_PREFIX_TEST: `sk_${name}_test_` },
        ...{ SEARCH_SERVICE_URL: url, STT_SERVICE_URL: url, TTS_SERVICE_URL: url },
      })
      cells[name] = { ledger, gateway }
    }
    balancer = await startHaproxy('deploy/haproxy-cells.cfg', {
      ...{ CELL_1: new URL(cells.eu.gateway.url).host, CELL_1_PREFIX: 'sk_eu_' },
      ...{ CELL_1_HOST: hostOf('eu') },
      ...{ CELL_2: new URL(cells.us.gateway.url).host, CELL_2_PREFIX: 'sk_us_' },
      ...{ CELL_2_HOST: hostOf('us') },
    })
  })
  afterAll(async () => {
    await balancer?.stop()
    for (const { ledger, gateway } of Object.values(cells)) {
      await gateway.stop()
      await ledger.close()
    }
    await upstream.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  const hostOf = (name: Name) => `${name}.example.test`

  const send = (path: string, headers: Record<string, string>, body: object) =>
    fetch(balancer.url + path, {
      ...{ method: 'POST', body: JSON.stringify(body) },
      headers: { 'content-type': 'application/json', ...headers },
    })

  /** A key of an owner who uses the cell's host name. */
  async function newKey(name: Name): Promise<string> {
    const subject = `owner-${crypto.randomUUID()}`
    const token = await signToken({ secret: jwtSecret, subject, expiresInSeconds: 600 })
    const headers = { host: hostOf(name), authorization: `Bearer ${token}` }
    const response = await send('/api-keys', headers, { name: 'of a cell' })
    expect(response.status).toBe(201)
    return ((await response.json()) as { key: string }).key
  }

  const call = (headers: Record<string, string>) => send('/v1/search', headers, { query: 'q' })

  async function chargesOf({ ledger }: Cell): Promise<number> {
    const [row] = await ledger.sql<[{ count: number }]>`
      select count(*)::int as count from events where type = 'HoldSettled'`
    return row.count
  }

  test('an owner gets keys of the cell whose host name he uses', async () => {
    for (const name of names) expect(await newKey(name)).toStartWith(`sk_${name}_live_`)
  })

  test.each([
    ['X-API-Key', (key: string) => ({ 'x-api-key': key })],
    ['a bearer token', (key: string) => ({ authorization: `Bearer ${key}` })],
    ['a bearer token in other letters', (key: string) => ({ authorization: `BEARER ${key}` })],
  ])('a key in %s is charged in its cell, whatever the host name', async (_, headersOf) => {
    for (const name of names) {
      const other = name === 'eu' ? 'us' : 'eu'
      const key = await newKey(name)
      const before = { own: await chargesOf(cells[name]), other: await chargesOf(cells[other]) }
      for (const host of ['api.example.test', hostOf(name), hostOf(other)]) {
        const response = await call({ ...headersOf(key), host })
        expect(response.status).toBe(200)
        expect(response.headers.get('x-credits-charged')).toBe('1')
      }
      const after = { own: await chargesOf(cells[name]), other: await chargesOf(cells[other]) }
      expect(after).toEqual({ own: before.own + 3, other: before.other })
    }
  })

  test('a key that reaches another cell is refused there', async () => {
    const key = await newKey('eu')
    const response = await fetch(`${cells.us.gateway.url}/v1/search`, {
      ...{ method: 'POST', body: JSON.stringify({ query: 'q' }) },
      headers: { 'content-type': 'application/json', 'x-api-key': key },
    })
    expect(response.status).toBe(401)
  })

  test('two keys in one request buy nothing', async () => {
    const [eu, us] = [await newKey('eu'), await newKey('us')]
    const before = [await chargesOf(cells.eu), await chargesOf(cells.us)]
    const headers = new Headers({ 'content-type': 'application/json', 'x-api-key': eu })
    headers.append('x-api-key', us)
    const body = JSON.stringify({ query: 'q' })
    const response = await fetch(`${balancer.url}/v1/search`, { method: 'POST', headers, body })
    expect(response.status).toBe(401)
    expect([await chargesOf(cells.eu), await chargesOf(cells.us)]).toEqual(before)
  })

  test.each([
    ['without a key', {}],
    ['with a key of no cell', { 'x-api-key': 'sk_asia_live_0' }],
  ])('a call %s is refused in the words of a gateway', async (_, headers) => {
    const response = await call(headers)
    expect(response.status).toBe(401)
    expect(response.headers.get('content-type')).toContain('application/problem+json')
  })

  test('prices that one cell alone has are named', async () => {
    const document = parse(readFileSync(shippedConfigFile, 'utf8'))
    const file = join(folder, 'other.yaml')
    document.plans.free.credits += 1
    writeFileSync(file, stringify(document))
    // It is announced in one cell and not in the other.
    await runJson(['prices', 'publish', file, '--from', '2031-01-01'], {
      database: cells.eu.ledger.url,
    })
    const both = [cells.eu.ledger, cells.us.ledger]
    const { status, said } = await publish(both, shippedConfigFile)
    expect(status).toBe(1)
    expect(said).toContain('The cells have different prices.')
    const again = await publish(both, file, '--from', '2031-01-01')
    expect(again.said).toContain('All cells have the same prices.')
    expect(again.status).toBe(0)
    // The same prices, announced for different times.
    for (const [name, from] of [
      ['eu', '2032-01-01'],
      ['us', '2033-01-01'],
    ] as const) {
      const database = cells[name].ledger.url
      await runJson(['prices', 'publish', file, '--from', from], { database })
    }
    expect((await publish(both, shippedConfigFile)).status).toBe(1)
  })

  test('archives of all cells are read as one', async () => {
    for (const name of names) {
      const target = join(folder, 'archive', `cell=${name}`)
      const database = cells[name].ledger.url
      const { status } = await runCli(['export', 'events', target, '--follow'], { database })
      expect(status).toBe(0)
    }
    const instance = await DuckDBInstance.create(':memory:', { threads: '1' })
    const connection = await instance.connect()
    const rows = await connection.runAndReadAll(`
      select cell, account_id, sum(credits)::integer as credits
      from read_parquet('${folder}/archive/*/*/*.parquet', hive_partitioning = true, hive_types = {month: VARCHAR})
      where type = 'HoldSettled' group by all order by credits desc limit 200`)
    const of = (name: Name) =>
      rows
        .getRowObjectsJson()
        .reduce((sum, row) => sum + (row.cell === name ? Number(row.credits) : 0), 0)
    const credits = { eu: of('eu'), us: of('us') }
    connection.closeSync()
    instance.closeSync()
    // Each call costs a credit.
    expect(credits).toEqual({ eu: await chargesOf(cells.eu), us: await chargesOf(cells.us) })
  })
})

/** Runs deploy/publish-to-cells.sh for cells with these ledgers. */
async function publish(ledgers: readonly Ledger[], ...args: readonly string[]) {
  const child = Bun.spawn(['sh', join(root, 'deploy/publish-to-cells.sh'), ...args], {
    cwd: root,
    env: {
      ...process.env,
      CELLS: ledgers.map(({ url }) => url).join(' '),
      TOLLBOOK: `${process.execPath} ${join(root, 'src/cli/main.ts')}`,
    },
    ...{ stdin: 'ignore', stdout: 'pipe', stderr: 'pipe' },
  })
  const [out, err] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ])
  return { status: await child.exited, said: out + err }
}
