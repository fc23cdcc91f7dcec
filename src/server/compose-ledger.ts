/**
 * The ledger as the parts of a gateway use it: connections, appenders, and what is still to be written when the
 * gateway ends.
 */

import { existsSync, readdirSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { type ReportSource, readFrom, readFromStandby } from '../http/report-source.ts'
import { openAppendConnection } from '../ledger/append/append-connection.ts'
import { type Appender, openAppender } from '../ledger/append/appender.ts'
import type { HighWaterMarks } from '../ledger/append/high-water-marks.ts'
import { connect, gatewaySilenceSeconds, maxLockWaitMs, type Sql } from '../ledger/connect.ts'
import { readShards } from '../ledger/read/read-shards.ts'
import type { Role } from '../ledger/roles.ts'
import { waitAtMost } from '../lib/wait-at-most.ts'
import { catchUp } from '../projector/catch-up.ts'
import { failures } from './background.ts'
import type { Context } from './context.ts'
import { poolSizes } from './pool-sizes.ts'
import { openShutdown, type Shutdown } from './shutdown.ts'

/** How long a call waits for the ledger before it is refused with 503. */
export const ledgerTimeoutMs = 5_000
/** How long the ledger has at the end to take what is still to be written: twice what a call waits for it. */
const lastWritesMs = 10_000

/** The ledger as calls use it: by functions alone. */
export interface Ledger {
  readonly sql: Sql
  readonly shards: readonly number[]
  readonly marks: HighWaterMarks
  readonly storeHighWaterMarks: () => Promise<void>
  /** A connection that only one appender uses. */
  readonly connectAppender: () => Sql
}

/** The same as routes that are no calls use it. */
interface RoutesLedger {
  readonly sql: Sql
  readonly reportSource: ReportSource
}

/** The same as the routes of owners and operators use it. */
export interface ManagementLedger extends RoutesLedger {
  /** As owners' routes use it, where they have a login of their own. */
  readonly portal: RoutesLedger | undefined
  readonly marks: HighWaterMarks
  readonly storeHighWaterMarks: () => Promise<void>
}

const common = { maxSilenceSeconds: gatewaySilenceSeconds, lockTimeoutMs: maxLockWaitMs } as const

/**
 * @param marks of this process
 * @throws MarkFileRefused when the file of high-water marks is not this ledger's
 */
export async function openLedger(context: Context, marks: HighWaterMarks): Promise<Ledger> {
  const { databaseUrl: url, shutdown } = context
  const sql = connect({ ...common, url, as: 'calls', max: poolSizes.calls })
  const pools = [sql]
  shutdown.push('the connections to the ledger', () => endPools(pools))
  return {
    sql,
    marks,
    ...(await openMarkFile(context, marks, sql)),
    shards: await readShards(sql),
    connectAppender() {
      const pool = connect({ ...common, url, as: 'calls', max: poolSizes.appender })
      pools.push(pool)
      return pool
    },
  }
}

/** The same for management. */
export async function openManagementLedger(
  context: Context,
  marks: HighWaterMarks,
): Promise<ManagementLedger> {
  const { portalDatabaseUrl } = context
  const ledger = openRoutesLedger(context, managementUrl(context), 'management')
  const portal =
    portalDatabaseUrl === undefined
      ? undefined
      : openRoutesLedger(context, portalDatabaseUrl, 'portal')
  return { ...ledger, portal, marks, ...(await openMarkFile(context, marks, ledger.sql)) }
}

function openRoutesLedger(
  context: Context,
  url: string,
  as: 'management' | 'portal',
): RoutesLedger {
  const { reportsDatabaseUrl, shutdown, warn } = context
  const sql = connect({ ...common, url, as, name: `tollbook ${as}`, max: poolSizes[as] })
  const reportSql = connectForReports(context, url, as)
  shutdown.push(`the connections of ${as}`, () => endPools([sql, reportSql]))
  const primary = readFrom(reportSql)
  if (reportsDatabaseUrl === undefined) return { sql, reportSource: primary }
  const standby = connectForReports(context, reportsDatabaseUrl, as)
  shutdown.push(`the connections of ${as} to the standby`, () => standby.end({ timeout: 5 }))
  return { sql, reportSource: readFromStandby({ standby, primary, primarySql: sql, warn }) }
}

/** For reports alone: few connections, whose statements may run for as long as a report may. */
function connectForReports({ config }: Context, url: string, as: Role): Sql {
  const { maxReportSeconds } = config.limits
  return connect({
    ...{ url, as, name: 'tollbook reports', max: poolSizes.reports },
    statementTimeoutMs: maxReportSeconds * 1_000,
    maxSilenceSeconds: maxReportSeconds + gatewaySilenceSeconds,
  })
}

export function managementUrl({ databaseUrl, managementDatabaseUrl }: Context): string {
  return managementDatabaseUrl ?? databaseUrl
}

function endPools(pools: readonly Sql[]): Promise<unknown> {
  return Promise.all(pools.map((pool) => pool.end({ timeout: 5 })))
}

/** What other numbers of workers, or a single gateway, have seen on this machine counts as well: FILE, FILE.1, FILE.2 and so on. */
function filesOfWorkers(file: string): string[] {
  const one = file.replace(/\.\d+$/, '')
  const folder = dirname(one)
  if (!existsSync(folder)) return [file]
  const isOfWorker = (name: string) =>
    name === basename(one) ||
    (name.startsWith(`${basename(one)}.`) && /^\.\d+$/.test(name.slice(basename(one).length)))
  return readdirSync(folder)
    .filter(isOfWorker)
    .map((name) => join(folder, name))
}

async function openMarkFile(
  { highWaterMarkFile: file }: Context,
  marks: HighWaterMarks,
  sql: Sql,
): Promise<Pick<Ledger, 'storeHighWaterMarks'>> {
  if (file === undefined) return { storeHighWaterMarks: async () => {} }
  for (const each of filesOfWorkers(file)) await marks.load(sql, each)
  return { storeHighWaterMarks: () => marks.store(sql, file) }
}

export interface Appends {
  readonly appenderOf: (shard: number) => Appender
  /** Commands that wait for the ledger or are under way to it. */
  readonly pending: () => number
  /** Tells every shard that the gateway lives, and what it has delivered. */
  readonly beat: () => Promise<unknown>
  /** Why the ledger takes nothing just now, though it replies. */
  readonly fault: () => Appender['fault']
  /** What is still to be written when serving has stopped. All of it together has `lastWritesMs`. */
  readonly lastWrites: Shutdown
}

export function openAppends(context: Context, ledger: Ledger): Appends {
  const { instance, metrics, shutdown, warn } = context
  const appenders = ledger.shards.map((shard) =>
    openAppender({
      connection: openAppendConnection(ledger.connectAppender()),
      shard,
      instance,
      marks: ledger.marks,
      timeoutMs: ledgerTimeoutMs,
      onBatch: metrics.batch,
      onVerdict: metrics.command,
      log: warn,
    }),
  )
  shutdown.push('the appenders', () => {
    for (const appender of appenders) appender.close()
  })
  const lastWrites = openShutdown(warn)
  // A ledger that does not reply keeps no gateway from ending: what is not written expires.
  shutdown.push('the ledger', () => waitAtMost(lastWritesMs, lastWrites.run()))
  pushLastWrites(lastWrites, ledger, appenders, warn)
  return {
    appenderOf(shard) {
      const appender = appenders[shard]
      if (!appender) throw new Error(`there is no shard ${shard}`)
      return appender
    },
    pending: () => appenders.reduce((sum, appender) => sum + appender.pending, 0),
    beat: () => Promise.all(appenders.map((appender) => appender.beat())),
    fault: () => appenders.find(({ fault }) => fault)?.fault,
    lastWrites,
  }
}

/** The last of these is done first: the appenders write what they have, and then the ledger learns what became of it. */
function pushLastWrites(
  lastWrites: Shutdown,
  { sql, shards, storeHighWaterMarks }: Ledger,
  appenders: readonly Appender[],
  warn: Context['warn'],
): void {
  lastWrites.push('the high-water mark', () =>
    storeHighWaterMarks().catch((error) => warn(failures.highWaterMark, error)),
  )
  // What is not applied here is applied by any other gateway, or by the next.
  lastWrites.push('the projections', () => catchUp(sql, shards).catch(() => {}))
  lastWrites.push('the deliveries', () =>
    Promise.all(appenders.map((appender) => appender.beat(true))),
  )
  lastWrites.push('the queues of the appenders', () =>
    Promise.all(appenders.map((appender) => appender.drain(lastWritesMs))),
  )
}
