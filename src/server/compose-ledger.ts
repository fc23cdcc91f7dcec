/**
 * The ledger as the parts of a gateway use it: connections, appenders, and what is still to be written when the
 * gateway ends.
 */

import { type Appender, openAppender } from '../ledger/append/appender.ts'
import { openHighWaterMark } from '../ledger/append/high-water-mark.ts'
import { recordDeliveries } from '../ledger/append/record-deliveries.ts'
import { connect, gatewaySilenceSeconds, type Sql } from '../ledger/connect.ts'
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
  readonly sql: Sql
  readonly shards: readonly number[]
  readonly storeHighWaterMark: () => Promise<void>
  /** A connection that only one appender uses. */
  readonly connectAppender: () => Sql
}

/** @throws LogDiverged when the log ends before its high-water mark */
export async function openLedger(context: Context): Promise<Ledger> {
  const { databaseUrl, highWaterMarkFile, shutdown } = context
  const common = {
    url: databaseUrl,
    as: 'serving',
    maxSilenceSeconds: gatewaySilenceSeconds,
  } as const
  const sql = connect({ ...common, max: 8 })
  const pools = [sql]
  shutdown.push('the connections to the ledger', () =>
    Promise.all(pools.map((pool) => pool.end({ timeout: 5 }))),
  )
  const mark =
    highWaterMarkFile === undefined ? undefined : openHighWaterMark(sql, highWaterMarkFile)
  await mark?.check()
  const shards = await readShards(sql)
  return {
    sql,
    shards,
    storeHighWaterMark: async () => mark?.store(),
    connectAppender() {
      const pool = connect({ ...common, max: 1, lockTimeoutMs: 10_000 })
      pools.push(pool)
      return pool
    },
  }
}

export interface Appends {
  readonly appenderOf: (shard: number) => Appender
  /** Commands that wait for the ledger or are under way to it. */
  readonly pending: () => number
  readonly recordDeliveries: () => Promise<void>
  /** What is still to be written when serving has stopped. All of it together has `lastWritesMs`. */
  readonly lastWrites: Shutdown
}

export function openAppends(context: Context, ledger: Ledger): Appends {
  const { instance, metrics, shutdown, warn } = context
  const appenders = ledger.shards.map((shard) =>
    openAppender({
      sql: ledger.connectAppender(),
      shard,
      instance,
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
  // A ledger that does not reply keeps no gateway from ending: what is not written expires, uncharged.
  shutdown.push('the ledger', () => waitAtMost(lastWritesMs, lastWrites.run()))
  const record = async () => {
    for (const [i, { deliveries }] of appenders.entries()) {
      await recordDeliveries(ledger.sql, ledger.shards[i] as number, instance, deliveries)
    }
  }
  pushLastWrites(lastWrites, ledger, { appenders, record }, warn)
  return {
    appenderOf(shard) {
      const appender = appenders[shard]
      if (!appender) throw new Error(`there is no shard ${shard}`)
      return appender
    },
    pending: () => appenders.reduce((sum, appender) => sum + appender.pending, 0),
    recordDeliveries: record,
    lastWrites,
  }
}

/** The last of these is done first: the appenders write what they have, and then the ledger learns what became of it. */
function pushLastWrites(
  lastWrites: Shutdown,
  { sql, shards, storeHighWaterMark }: Ledger,
  { appenders, record }: { appenders: readonly Appender[]; record: () => Promise<void> },
  warn: Context['warn'],
): void {
  lastWrites.push('the high-water mark', () =>
    storeHighWaterMark().catch((error) => warn(failures.highWaterMark, error)),
  )
  // What is not applied here is applied by any other gateway, or by the next.
  lastWrites.push('the projections', () => catchUp(sql, shards).catch(() => {}))
  lastWrites.push('the deliveries', () => {
    for (const { deliveries } of appenders) deliveries.end()
    return record().catch((error) => warn(failures.deliveries, error))
  })
  lastWrites.push('the queues of the appenders', () =>
    Promise.all(appenders.map((appender) => appender.drain(lastWritesMs))),
  )
}
