/** A gateway of a run: the shipped parts, wired as compose.ts does, with the simulation's network and upstream. */

import { openKeyCache } from '../../src/gate/authorize/key-cache.ts'
import { openTariffCache } from '../../src/gate/authorize/tariff-cache.ts'
import { openGate } from '../../src/gate/gate.ts'
import type { RateLimiter } from '../../src/gate/rate-limit/rate-limiter.ts'
import { LeaseManager } from '../../src/gate/reservation/lease-manager.ts'
import { type HighWaterMark, HighWaterMarks } from '../../src/ledger/append/high-water-marks.ts'
import { openKeyCommands } from '../../src/ledger/commands/key-commands.ts'
import type { Sql } from '../../src/ledger/connect.ts'
import { openStoredResponses } from '../../src/ledger/idempotency/stored-responses.ts'
import { openBodyMemoryBudget } from '../../src/lib/body-memory-budget.ts'
import { newInstanceId } from '../../src/lib/ids.ts'
import { openFreeCalls } from '../../src/proxy/metering/count-free-calls.ts'
import { openRefusedCalls } from '../../src/proxy/metering/count-refused-calls.ts'
import { openProxy } from '../../src/proxy/proxy.ts'
import { lookUpOwnCharge } from '../../src/reports/charge/charge-lookup.ts'
import { startBackground } from '../../src/server/background.ts'
import { ledgerTimeoutMs, openAppends } from '../../src/server/compose-ledger.ts'
import type { Context } from '../../src/server/context.ts'
import type { Phase } from '../../src/server/phase.ts'
import { openShutdown } from '../../src/server/shutdown.ts'
import { prefixes } from '../support/test-ledger.ts'
import { upstreamsAt } from '../support/upstream-address.ts'
import { config } from './shop.ts'

export interface Gateway {
  /** Names it in events. */
  readonly instance: string
  handle(request: Request): Promise<Response>
  /** What comes of it when a customer asks for a charge back. */
  askBack(requestId: string, keyHash: string): Promise<'refunded' | 'not refunded'>
  /** Commands that wait for the ledger or are under way to it. */
  pending(): number
}

/** Connections to the ledger: of the appender, and of all else. */
export interface Connections {
  readonly appender: Sql
  readonly pool: Sql
}

/** What the machine keeps of the log's high-water mark, for the next gateway on it. */
export interface KeptMark {
  readonly mark: HighWaterMark | undefined
  store(mark: HighWaterMark | undefined): void
}

export function openGateway(
  { appender, pool: sql }: Connections,
  kept: KeptMark,
  warn: (message: string, error?: unknown) => void,
): Gateway {
  const instance = newInstanceId()
  const phase: Phase = { isStopping: false }
  const metrics = { batch() {}, command() {}, settled() {}, call() {} }
  const shutdown = openShutdown(warn)
  const context = { config, instance, phase, metrics, shutdown, warn } as unknown as Context
  const marks = new HighWaterMarks()
  if (kept.mark) marks.raise(0, kept.mark)
  const ledger = {
    ...{ sql, shards: [0], marks },
    storeHighWaterMarks: async () => kept.store(marks.of(0)),
    connectAppender: () => appender,
  }
  const appends = openAppends(context, ledger)
  const { appenderOf, pending } = appends
  const leases = new LeaseManager(appenderOf, config, warn)
  const gate = openGate({
    ...{ config, prefixes, rateLimiter, leases, appenderOf, log: warn },
    keys: openKeyCache(sql, ledgerTimeoutMs),
    tariffs: openTariffCache(sql, ledgerTimeoutMs),
    ipOf: () => '127.0.0.1',
  })
  const proxy = openProxy({
    ...{ config, gate, log: warn, settled: metrics.settled },
    upstreams: upstreamsAt('upstream', 'http://upstream'),
    freeCalls: openFreeCalls(appenderOf, 2_000),
    refusedCalls: openRefusedCalls(appenderOf, async () => {}, 5_000),
    storedResponses: openStoredResponses(sql, ledgerTimeoutMs),
    letLeave: ({ shard, position }) => appenderOf(shard).deliveries.leave(position),
    idleTimeout: { seconds: 255, set() {} },
    newBodyMemory: openBodyMemoryBudget(config.limits.maxTotalBodyBytes),
  })
  const { fenceAfterSeconds } = config.limits
  startBackground({ ...ledger, ...appends, leases, fenceAfterSeconds }, warn)
  const commands = openKeyCommands(sql, instance, marks)

  return {
    instance,
    pending,
    handle: proxy.handle,
    async askBack(requestId, hash) {
      if (!(await lookUpOwnCharge(sql, hash, requestId))) return 'not refunded'
      const { verdict } = await commands.refundUndelivered({ shard: 0, hash }, requestId, undefined)
      return verdict === 'ok' ? 'refunded' : 'not refunded'
    },
  }
}

/** Every call has a permit: rate limits are not what is simulated. */
const state = { limit: 1_000, remaining: 1_000, windowMs: 60_000, resetMs: 0 }
const rateLimiter: RateLimiter = {
  takePermit: async (limits) => ({
    ...{ allowed: true, state, degraded: false },
    permit: { limits, takenAtUs: 0, source: 'process' },
  }),
  async returnPermit() {},
  peek: async () => state,
  tokens: {
    take: async (limits, tokens) => ({
      ...{ allowed: true, state, degraded: false },
      taken: { limits, tokens, held: '' },
    }),
    async settle() {},
    peek: async () => state,
  },
  degraded: false,
  async close() {},
}
