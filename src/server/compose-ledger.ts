/**
 * The ledger as the parts of a gateway use it: connections, appenders, and what is still to be written when the
 * gateway ends.
 */

import { openAppendConnection } from '../ledger/append/append-connection.ts'
import { type Appender, openAppender } from '../ledger/append/appender.ts'
import { HighWaterMarks } from '../ledger/append/high-water-marks.ts'
import { connect, gatewaySilenceSeconds, maxLockWaitMs, type Sql } from '../ledger/connect.ts'
import { readShards } from '../ledger/read/read-shards.ts'
import { waitAtMost } from '../lib/wait-at-most.ts'
import { catchUp } from '../projector/catch-up.ts'
import { failures } from './background.ts'
import type { Context } from './context.ts'
import { openShutdown, type Shutdown } from './shutdown.ts'

/** How long a call waits for the ledger before it is refused with 503. */
export const ledgerTimeoutMs = 5_000
/** How long the ledger has at the end to take what is still to be written: twice what a call waits for it. */
const lastWritesMs = 10_000

export interface Ledger {
  /** For calls: it executes functions, and reads no table. */
  readonly sql: Sql
  /** For the routes of owners and operators. */
  readonly managementSql: Sql
  /** The same for reports alone: few connections, whose statements may run for as long as a report may. */
  readonly reportSql: Sql
  readonly shards: readonly number[]
  readonly marks: HighWaterMarks
  readonly storeHighWaterMarks: () => Promise<void>
  /** A connection that only one appender uses. */
  readonly connectAppender: () => Sql
}

/** @throws MarkFileRefused when the file of high-water marks is not this ledger's */
export async function openLedger(context: Context): Promise<Ledger> {
  const { config, databaseUrl, highWaterMarkFile: file, shutdown } = context
  const { maxReportSeconds } = config.limits
  const common = {
    url: databaseUrl,
    maxSilenceSeconds: gatewaySilenceSeconds,
    lockTimeoutMs: maxLockWaitMs,
  } as const
  const sql = connect({ ...common, as: 'calls', max: 8 })
  const managementSql = connect({
    ...common,
    as: 'management',
    name: 'tollbook management',
    max: 4,
  })
  const reportSql = connect({
    ...{ url: databaseUrl, as: 'management', name: 'tollbook reports', max: 2 },
    statementTimeoutMs: maxReportSeconds * 1_000,
    maxSilenceSeconds: maxReportSeconds + gatewaySilenceSeconds,
  })
  const pools = [sql, managementSql, reportSql]
  shutdown.push('the connections to the ledger', () =>
    Promise.all(pools.map((pool) => pool.end({ timeout: 5 }))),
  )
  const marks = new HighWaterMarks()
  if (file !== undefined) await marks.load(sql, file)
  return {
    sql,
    managementSql,
    reportSql,
    shards: await readShards(sql),
    marks,
    async storeHighWaterMarks() {
      if (file !== undefined) await marks.store(sql, file)
    },
    connectAppender() {
      const pool = connect({ ...common, as: 'calls', max: 1 })
      pools.push(pool)
      return pool
    },
  }
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
