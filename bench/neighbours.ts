/**
 * What one hostile client costs the others: the latency of ordinary calls with and without a process beside them that does what
 * its credentials allow, taking turns. The aim: their p99 stays under five times what it is without.
 */
import Table from 'cli-table3'
import { signToken } from '../src/http/auth/sign-token.ts'
import { type Attack, type Statuses, startAttacker } from './parts/attacker.ts'
import { jwtSecret, startBenchGateway } from './parts/gateway.ts'
import { fillLedger, openAccounts } from './parts/ledger.ts'
import { runLoad } from './parts/load.ts'
import type { Measured } from './parts/measured-load.ts'
import { startRedis } from './parts/redis.ts'
import { search } from './parts/shapes.ts'
import { median } from './parts/statistics.ts'
import { startUpstream } from './parts/upstream.ts'

export interface NeighboursOptions {
  readonly serverUrl: string
  /** Of the ordinary clients. */
  readonly connections: number
  readonly seconds: number
  readonly rounds: number
  readonly accounts: number
}

interface Neighbour {
  readonly name: string
  readonly attacks: readonly Attack[]
}

/** What ordinary calls took, and which statuses the attacker got. */
interface Round {
  readonly measured: Measured
  readonly statuses?: Statuses
}

export async function benchNeighbours(options: NeighboursOptions): Promise<void> {
  const { connections, seconds, rounds } = options
  console.error(`Filling a ledger with ${options.accounts} accounts…`)
  const ledger = await fillLedger(options.serverUrl, 'tollbook_bench_neighbours', options.accounts)
  const [broke] = await openAccounts(ledger.url, { accounts: 1, plan: 'broke', named: 'broke' })
  const [slow] = await openAccounts(ledger.url, { accounts: 1, plan: 'slow', named: 'slow' })
  const redis = await startRedis()
  const upstream = await startUpstream()
  const gateway = await startBenchGateway({
    databaseUrl: ledger.url,
    redisUrl: redis.url,
    upstream: upstream.url,
  })
  const load = () =>
    runLoad({
      ...{ url: gateway.url + search.path, method: 'POST', connections, durationSeconds: seconds },
      ...{ headers: search.headers, body: search.body },
      apiKeys: ledger.keys.map(({ key }) => key),
    })
  const keys = { slow: slow?.key ?? '', broke: broke?.key ?? '' }
  const quiet: Round[] = []
  const disturbed = new Map<string, Round[]>()
  try {
    await load()
    for (let round = 1; round <= rounds; round++) {
      console.error(`round ${round} of ${rounds}…`)
      quiet.push({ measured: await load() })
      for (const { name, attacks } of await attacksBy(gateway.url, keys, `mallory-${round}`)) {
        const attacker = await startAttacker(gateway.url, attacks)
        const measured = await load()
        const runs = disturbed.get(name) ?? []
        disturbed.set(name, [...runs, { measured, statuses: await attacker.stop() }])
      }
    }
  } finally {
    for (const part of [gateway, upstream, redis]) await part.stop()
  }
  print(options, quiet, disturbed)
}

/**
 * By the credentials that each of them needs: a key at its rate limit, one without credits, none, an owner's token.
 * @param subject an owner who has asked for nothing yet, so that the limits of management are all his
 */
async function attacksBy(
  url: string,
  keys: { slow: string; broke: string },
  subject: string,
): Promise<Neighbour[]> {
  const json = { 'Content-Type': 'application/json' }
  const token = await signToken({ secret: jwtSecret, subject, expiresInSeconds: 3_600 })
  const owner = { ...json, Authorization: `Bearer ${token}` }
  const keyId = await newKey(url, owner)
  const patch = { method: 'PATCH', path: `/api-keys/${keyId}`, headers: owner }
  const month = new Date().toISOString().slice(0, 7)
  return [
    {
      name: 'a key at 429: 55,000 unknown fields',
      attacks: [
        {
          ...{ connections: 4, method: 'POST', path: '/v1/search' },
          ...{
            headers: { ...json, 'X-API-Key': keys.slow },
            body: { kind: 'fields', size: 55_000 },
          },
        },
      ],
    },
    {
      name: 'a key without credits: 25 MB of noise as audio',
      attacks: [
        {
          ...{ connections: 2, method: 'POST', path: '/v1/stt/transcribe' },
          headers: {
            'Content-Type': 'multipart/form-data; boundary=noise',
            'X-API-Key': keys.broke,
          },
          body: { kind: 'noise', size: 25_000_000 },
        },
      ],
    },
    {
      name: 'no token: 64 kB of JSON to /api-keys',
      attacks: [
        {
          ...{ connections: 8, method: 'POST', path: '/api-keys' },
          ...{ headers: json, body: { kind: 'fields', size: 4_000 } },
        },
      ],
    },
    {
      name: 'an owner: PATCHes of 47 kB, and 30 statements at once',
      attacks: [
        { ...patch, connections: 4, body: { kind: 'description', size: 47_000 } },
        { ...patch, connections: 4, body: { kind: 'description', size: 400 } },
        {
          ...{ connections: 30, method: 'GET', path: `/account/statements/${month}` },
          headers: owner,
        },
      ],
    },
  ]
}

async function newKey(url: string, headers: Readonly<Record<string, string>>): Promise<string> {
  const body = JSON.stringify({ name: 'of the attacker' })
  const response = await fetch(`${url}/api-keys`, { method: 'POST', headers, body })
  const made = (await response.json()) as { apiKey?: { id?: string } }
  if (!made.apiKey?.id) throw new Error(`no key: ${response.status} ${JSON.stringify(made)}`)
  return made.apiKey.id
}

function print(
  { rounds, seconds, connections }: NeighboursOptions,
  quiet: readonly Round[],
  disturbed: ReadonlyMap<string, readonly Round[]>,
): void {
  const table = new Table({
    head: ['beside', 'calls/s', 'p50 ms', 'p99 ms', 'p99 of quiet', 'failed', 'the attacker got'],
    style: { head: [], border: [] },
    colAligns: ['left', 'right', 'right', 'right', 'right', 'right', 'left'],
  })
  for (const [name, runs] of new Map([['nobody', quiet], ...disturbed])) {
    const of = (figure: (measured: Measured) => number) =>
      median(runs.map(({ measured }) => figure(measured)))
    // Of each round by itself: the machine is not the same in all of them.
    const ratio = median(
      runs.map(({ measured }, n) => measured.p99Ms / (quiet[n]?.measured.p99Ms ?? Number.NaN)),
    )
    table.push([
      name,
      Math.round(of((one) => one.requestsPerSecond)),
      of((one) => one.p50Ms).toFixed(1),
      of((one) => one.p99Ms).toFixed(1),
      ratio.toFixed(2),
      runs.reduce((sum, { measured }) => sum + measured.non2xx + measured.socketErrors, 0),
      statusText(runs),
    ])
  }
  console.log(`\n${connections} connections, ${rounds} rounds of ${seconds} s, medians\n`)
  console.log(table.toString())
}

function statusText(runs: readonly Round[]): string {
  const sums = new Map<string, number>()
  for (const { statuses = {} } of runs) {
    for (const [status, count] of Object.entries(statuses)) {
      sums.set(status, (sums.get(status) ?? 0) + count)
    }
  }
  return [...sums].map(([status, count]) => `${count} × ${status}`).join(', ')
}
