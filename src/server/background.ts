/** The periodic tasks of a gateway, as a table. Any number of gateways may run them beside each other. */

import type { Projection } from '../../projections/projection.ts'
import { followChanges } from '../gate/reservation/follow-changes.ts'
import type { LeaseManager } from '../gate/reservation/lease-manager.ts'
import type { Appender } from '../ledger/append/appender.ts'
import { expireHolds } from '../ledger/append/expiry.ts'
import { fenceProducers } from '../ledger/append/fence-producers.ts'
import type { Sql } from '../ledger/connect.ts'
import { forgetResponses } from '../ledger/idempotency/stored-responses.ts'
import { extendPartitions } from '../ledger/migrate/partitions.ts'
import { forgetRefusals } from '../ledger/refusals/stored-refusals.ts'
import { runPeriodically } from '../lib/run-periodically.ts'
import { catchUp } from '../projector/catch-up.ts'

interface BackgroundDeps {
  readonly sql: Sql
  readonly shards: readonly number[]
  readonly appenderOf: (shard: number) => Appender
  readonly leases: Pick<LeaseManager, 'onChanges'>
  readonly beat: () => Promise<unknown>
  readonly storeHighWaterMarks: () => Promise<void>
  /** How long another gateway has been silent when it is fenced. */
  readonly fenceAfterSeconds: number
}

interface BackgroundTask {
  /** From one run to the next; where it depends on how long the run took, its function. */
  readonly intervalMs: number | ((tookMs: number) => number)
  /** Resolves with true when there is more to do at once. */
  readonly run: () => Promise<unknown>
  /** Logged when a run fails. */
  readonly failure: string
}

/** What a gateway also logs for the last run, when it ends. */
export const failures = {
  highWaterMark: 'the high-water marks of the log cannot be stored',
} as const

function backgroundTasks(deps: BackgroundDeps): Readonly<Record<string, BackgroundTask>> {
  const { sql, shards, appenderOf, leases, beat, storeHighWaterMarks, fenceAfterSeconds } = deps
  return {
    // Oftener than a lease may go without news.
    followChanges: {
      intervalMs: 250,
      run: followChanges(sql, shards, (...changes) => leases.onChanges(...changes)),
      failure: 'leases are not used: changes of keys cannot be read',
    },
    storeHighWaterMarks: keepMarks(storeHighWaterMarks),
    // Oftener than once a second, so that no silence is longer.
    beat: {
      intervalMs: 500,
      run: beat,
      failure: 'the ledger does not learn what is delivered',
    },
    expireHolds: {
      intervalMs: 2_000,
      async run() {
        let expired = 0
        for (const shard of shards) expired += await expireHolds(sql, shard, appenderOf(shard))
        // There may be more: a gateway that died can have left thousands.
        return expired > 0
      },
      failure: 'overdue holds wait',
    },
    fenceProducers: {
      intervalMs: 5_000,
      async run() {
        for (const shard of shards) {
          const { producerId } = appenderOf(shard)
          if (producerId) await fenceProducers(sql, shard, producerId, fenceAfterSeconds)
        }
      },
      failure: 'silent gateways are not fenced',
    },
    forgetResponses: {
      intervalMs: 60_000,
      run: () => forgetResponses(sql),
      failure: 'stored responses are not forgotten',
    },
    forgetRefusals: {
      intervalMs: 60_000,
      run: () => forgetRefusals(sql),
      failure: 'refused calls are not forgotten',
    },
    extendPartitions: {
      intervalMs: 60_000,
      run: () => extendPartitions(sql),
      failure: 'partitions could not be made ahead',
    },
  }
}

type Warn = (message: string, error: unknown) => void

/** Starts what selling needs; the result stops it, and resolves when the runs under way have ended. */
export function startBackground(deps: BackgroundDeps, warn: Warn): () => Promise<unknown> {
  return start(Object.values(backgroundTasks(deps)), warn)
}

/**
 * How long to rest after catching up. Many events at once cost half as much each as few, so where much is sold, and a run takes
 * long, runs are fewer: it takes a twentieth of a processor at most, up to the longest rest.
 */
function restAfter(leastMs: number): (tookMs: number) => number {
  return (tookMs) => Math.min(Math.max(20 * tookMs, leastMs), longestRestMs)
}

const longestRestMs = 10_000

/** Moves the catch-up projections along the log. Nothing is sold by what they say. */
export function startCatchingUp(
  sql: Sql,
  shards: readonly number[],
  warn: Warn,
): () => Promise<unknown> {
  const move = (isMoved: (projection: Projection) => boolean) => catchUp(sql, shards, isMoved)
  const tasks: readonly BackgroundTask[] = [
    {
      intervalMs: restAfter(500),
      run: async () => (await move(({ isForCharts }) => !isForCharts)) > 0,
      failure: 'sums of days and months lag',
    },
    {
      intervalMs: restAfter(5_000),
      run: async () => (await move(({ isForCharts }) => isForCharts === true)) > 0,
      failure: 'charts lag',
    },
  ]
  return start(tasks, warn)
}

/** What a gateway does that sells nothing: the rest is done by those that sell. */
export function startKeepingMarks(
  storeHighWaterMarks: () => Promise<void>,
  warn: Warn,
): () => Promise<unknown> {
  return start([keepMarks(storeHighWaterMarks)], warn)
}

/** For a gateway that manages. */
export function startForgettingSessions(
  forget: () => Promise<void>,
  warn: Warn,
): () => Promise<unknown> {
  const failure = 'sessions that are over are not deleted'
  return start([{ intervalMs: 60_000, run: forget, failure }], warn)
}

function keepMarks(run: () => Promise<void>): BackgroundTask {
  return { intervalMs: 5_000, run, failure: failures.highWaterMark }
}

function start(tasks: readonly BackgroundTask[], warn: Warn): () => Promise<unknown> {
  const running = tasks.map(({ intervalMs, run, failure }) =>
    runPeriodically(intervalMs, run, (error) => warn(failure, error)),
  )
  return () => Promise.all(running.map((task) => task.stop()))
}
