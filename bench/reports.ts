/**
 * What reports take from calls: calls at a pace with nothing beside them, beside reports that the primary computes, and beside
 * reports that a standby on the same machine computes, taking turns.
 */
import Table from 'cli-table3'
import { projections } from '../projections/index.ts'
import { signToken } from '../src/http/auth/sign-token.ts'
import { connect, type Sql } from '../src/ledger/connect.ts'
import { rebuildAll } from '../src/projector/rebuild/rebuild.ts'
import { startServerPair } from '../test/support/standby.ts'
import { jwtSecret, startBenchGateway } from './parts/gateway.ts'
import { fillAccounts, freshDatabase } from './parts/ledger.ts'
import { callAtPace, type Paced } from './parts/paced-client.ts'
import { postmasterOf, processorSeconds } from './parts/postgres-use.ts'
import { startRedis } from './parts/redis.ts'
import { search } from './parts/shapes.ts'
import { median } from './parts/statistics.ts'
import { startUpstream } from './parts/upstream.ts'
import { seedLog } from './seed-log.ts'

export interface ReportsOptions {
  /** Of the log that the reports are about. */
  readonly events: number
  /** Of accounts that call. */
  readonly accounts: number
  readonly perSecond: number
  readonly seconds: number
  readonly rounds: number
}

const sources = ['nobody', 'the primary', 'a standby'] as const
type Source = (typeof sources)[number]

interface Measured extends Paced {
  readonly reports: number
  /** Processor time of the primary for a call, its reports included, in microseconds. */
  readonly primaryUs: number
  readonly standbyUs: number
  /** How far the standby was behind, at most: milliseconds until what was committed is seen there. */
  readonly lagMs: number
}

/** The reports of operators over everyone, at once as many as a gateway computes. */
const readers = 2

export async function benchReports(options: ReportsOptions): Promise<void> {
  const { events, accounts, perSecond, seconds, rounds } = options
  const pair = await startServerPair(async () => ({ shared_buffers: '128MB' }), 'reports')
  const urlOf = (port: number) => `postgres://${pair.login}@127.0.0.1:${port}`
  const serverUrl = `${urlOf(pair.primaryPort)}/postgres`
  try {
    const databaseUrl = await freshDatabase(serverUrl, 'tollbook_bench_reports')
    console.error(`reports: writing ${events.toLocaleString('en')} events…`)
    await seedLog(databaseUrl, { events, keys: 10_000 })
    const sql = connect({ url: databaseUrl, as: 'owner', max: 2 })
    await sql.unsafe('vacuum analyze')
    console.error('reports: building the projections…')
    await rebuildAll(projections, { url: databaseUrl })
    const ledger = await fillAccounts(databaseUrl, accounts, new Date().toISOString())
    const standbyUrl = `${urlOf(pair.standbyPort)}/tollbook_bench_reports`
    const standby = connect({ url: standbyUrl, as: 'owner', max: 1 })
    await untilSame(sql, standby)
    await using redis = await startRedis()
    await using upstream = await startUpstream()
    const setup = { databaseUrl, redisUrl: redis.url, upstream: upstream.url }
    await using onPrimary = await startBenchGateway(setup)
    await using onStandby = await startBenchGateway({ ...setup, reportsDatabaseUrl: standbyUrl })
    const gateways = { nobody: onPrimary, 'the primary': onPrimary, 'a standby': onStandby }
    const servers = {
      primary: await postmasterOf(serverUrl),
      standby: await postmasterOf(standbyUrl),
    }
    // Each computes one report at a time.
    const tokens = await Promise.all(
      Array.from({ length: readers }, (_, n) =>
        signToken({
          ...{ secret: jwtSecret, subject: `ops-${n}`, role: 'admin', expiresInSeconds: 36_000 },
        }),
      ),
    )

    async function measure(source: Source): Promise<Measured> {
      const { url } = gateways[source]
      let isOver = false
      let reports = 0
      let lagMs = 0
      const read = async (token: string, offset: number) => {
        const headers = { authorization: `Bearer ${token}` }
        for (let n = offset; !isOver && source !== 'nobody'; n++) {
          const path = paths[n % paths.length] ?? ''
          const response = await fetch(`${url}${path}`, { headers })
          const text = await response.text()
          if (response.ok) reports++
          // As often as an operator may ask.
          else if (response.status === 429) await Bun.sleep(100)
          else throw new Error(`${path}: ${response.status} ${text}`)
        }
      }
      const watch = async () => {
        while (!isOver) {
          const [row] = await sql<[{ ms: number | null }]>`
            select extract(epoch from max(replay_lag)) * 1000 as ms from pg_stat_replication`
          lagMs = Math.max(lagMs, Number(row.ms ?? 0))
          await Bun.sleep(100)
        }
      }
      const before = [processorSeconds(servers.primary), processorSeconds(servers.standby)]
      const meanwhile = [...tokens.map(read), watch()]
      const paced = await callAtPace(perSecond, seconds, (n) =>
        fetch(`${url}${search.path}`, {
          method: 'POST',
          headers: { ...search.headers, 'X-API-Key': ledger.keys[n % accounts]?.key ?? '' },
          body: search.body,
        }),
      )
      isOver = true
      await Promise.all(meanwhile)
      const usedUs = [servers.primary, servers.standby].map(
        (server, n) =>
          (((processorSeconds(server) ?? Number.NaN) - (before[n] ?? 0)) * 1e6) / paced.calls,
      )
      return { ...paced, reports, lagMs, primaryUs: usedUs[0] ?? 0, standbyUs: usedUs[1] ?? 0 }
    }

    const found = new Map<Source, Measured[]>()
    for (const source of sources) await measure(source)
    for (let round = 1; round <= rounds; round++) {
      for (const source of sources) {
        console.error(`reports, round ${round} of ${rounds}: ${source}…`)
        found.set(source, [...(found.get(source) ?? []), await measure(source)])
      }
    }
    await Promise.all([sql.end(), standby.end()])
    print(options, found)
  } finally {
    await pair.stop()
  }
}

const day = (ago: number) => new Date(Date.now() - ago * 86_400_000).toISOString().slice(0, 10)
const paths = [
  `/admin/usage/summary?from=${day(60)}&to=${day(0)}`,
  '/admin/usage/hourly?by=day&days=60',
  `/admin/usage/top-users?from=${day(60)}&to=${day(0)}`,
  '/admin/refusals',
  '/admin/events?order=newest&limit=100',
]

async function untilSame(primary: Sql, standby: Sql): Promise<void> {
  const positionOf = async (sql: Sql) => {
    const [row] = await sql<
      [{ position: number }]
    >`select sum(position)::bigint as position from heads_v1()`
    return row.position
  }
  while ((await positionOf(standby).catch(() => -1)) < (await positionOf(primary))) {
    await Bun.sleep(100)
  }
}

function print(
  { perSecond, seconds, rounds, events }: ReportsOptions,
  found: ReadonlyMap<Source, readonly Measured[]>,
): void {
  const table = new Table({
    head: [
      ...['reports computed by', 'calls: p50 ms', 'p99 ms', 'failed', 'reports/s'],
      ...['primary, µs a call', 'standby, µs a call', 'furthest behind, ms'],
    ],
    style: { head: [], border: [] },
    colAligns: ['left', 'right', 'right', 'right', 'right', 'right', 'right', 'right'],
  })
  for (const [source, runs] of found) {
    const of = (figure: (measured: Measured) => number) => median(runs.map(figure))
    table.push([
      source,
      ...[of((one) => one.p50Ms).toFixed(1), of((one) => one.p99Ms).toFixed(1)],
      runs.reduce((sum, { failed }) => sum + failed, 0),
      (of((one) => one.reports) / seconds).toFixed(1),
      ...[of((one) => one.primaryUs).toFixed(0), of((one) => one.standbyUs).toFixed(0)],
      of((one) => one.lagMs).toFixed(0),
    ])
  }
  console.log(
    `\n${perSecond} calls a second, ${rounds} rounds of ${seconds} s, medians; a log of ${events.toLocaleString('en')} events\n`,
  )
  console.log(table.toString())
}
