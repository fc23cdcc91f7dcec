/**
 * A running gateway: builds every part from the configuration, once, and ends them in the right order.
 * This is where clients of Postgres and Redis are made; everything else is given what it needs.
 */

import type { Registry } from 'prom-client'
import type { Config } from '../config/config.ts'
import type { Environment } from '../config/environment.ts'
import { upstreamAddresses } from '../config/upstream-addresses.ts'
import { openKeyCache } from '../gate/authenticate/key-cache.ts'
import { clientIp } from '../gate/client-ip.ts'
import { openGate } from '../gate/gate.ts'
import { openRateLimiter } from '../gate/rate-limit/open-rate-limiter.ts'
import type { RateLimiterLog } from '../gate/rate-limit/redis-limiter.ts'
import { openLeaseManager } from '../gate/reservation/lease-manager.ts'
import { openTariffCache } from '../gate/tariff-cache.ts'
import { openAuth } from '../http/auth/auth.ts'
import { openReadiness } from '../http/routes/system/readiness.ts'
import { openAppender } from '../ledger/append/appender.ts'
import { openDeliveries } from '../ledger/append/deliveries.ts'
import { expireHolds } from '../ledger/append/expiry.ts'
import { openSeenFile } from '../ledger/append/high-water-mark.ts'
import { openCommands } from '../ledger/commands/management-commands.ts'
import { connect } from '../ledger/connect.ts'
import { forgetResponses, openStoredResponses } from '../ledger/idempotency/stored-responses.ts'
import { extendPartitions } from '../ledger/migrate/partitions.ts'
import { readCurrentTariffs, readShards } from '../ledger/read/read-for-calls.ts'
import { secureRandom } from '../lib/base62.ts'
import { limitRepeats } from '../lib/limit-repeats.ts'
import { runPeriodically } from '../lib/run-periodically.ts'
import { openManagement } from '../management/management.ts'
import { catchUp } from '../projector/catch-up.ts'
import { openFreeCalls } from '../proxy/metering/free-calls.ts'
import { openProxy } from '../proxy/pipeline.ts'
import { balance } from '../reports/account/balance.ts'
import { charge } from '../reports/charge/charge-lookup.ts'
import { createApp } from './app.ts'
import { ledgerMetrics } from './metrics/ledger-metrics.ts'
import { openMetrics, type RequestSeen } from './metrics/metrics.ts'
import { type MetricsPlace, serveMetrics } from './metrics/serve-metrics.ts'
import { rejectMalformed } from './reject-malformed.ts'
import { requestObserver } from './request-observer.ts'

export interface GatewayOptions {
  readonly config: Config
  readonly environment: Environment
  readonly databaseUrl: string
  readonly hostname: string
  /** Demo services that run, by name. */
  readonly demoUrls: Readonly<Record<string, string>>
  /** Where metrics are served; absent: nowhere. */
  readonly metrics?: MetricsPlace | undefined
  /** Where it notes how far it has seen the ledger, so that it serves none that ends before; absent: nowhere. */
  readonly seenFile?: string | undefined
  readonly log: GatewayLog
}

export type GatewayLog = RateLimiterLog & {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  error(fields: object, message: string): void
}

export interface Gateway {
  readonly url: string
  /** Where its metrics stand, if anywhere. */
  readonly metricsUrl: string | undefined
  /**
   * Says at /ready that it stops, takes calls for as long as the environment's drain lasts, then takes no more,
   * lets those under way finish, and ends. What is not done `withinMs` after the drain is cut off, uncharged.
   */
  stop(withinMs?: number): Promise<void>
}

/** How long a call waits for the ledger before it is answered 503. */
const ledgerDeadlineMs = 5_000
const stopWithinMs = 30_000
/** How long the ledger has, after that, to take what is still to be written: twice what a call waits for it. */
const leaveLedgerWithinMs = 10_000
/** How long calls that were cut off then have to free their holds. */
const cutWithinMs = 500
/** A connection on which nothing moves is closed after this; the longest that the server can count. */
const silentSeconds = 255

export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const { config, environment, databaseUrl, log } = options
  const instance = `gw_${crypto.randomUUID().slice(0, 8)}`
  const warn = limitRepeats<unknown>((message, error, suppressed) =>
    log.warn({ err: error, ...(suppressed > 0 && { suppressedBefore: suppressed }) }, message),
  )

  const metrics = openMetrics(Object.keys(config.routes), {
    callsInFlight: () => proxy.inFlight,
    appendsPending: () => producers.reduce((sum, { appender }) => sum + appender.pending, 0),
    windowsDegraded: () => windows.degraded,
  })
  const addresses = upstreamAddresses(config, options.demoUrls)
  const sql = connect({ url: databaseUrl, as: 'serving', max: 8 })
  const seen = options.seenFile === undefined ? undefined : openSeenFile(sql, options.seenFile)
  await seen?.check().catch(async (error) => {
    await sql.end({ timeout: 1 })
    throw error
  })
  const shards = await readShards(sql)
  const deliveries = await openDeliveries(sql, instance, shards)
  /** Connections are closed: what is charged from now on reaches nobody. */
  let cutOff = false
  const producers = shards.map((shard) => {
    const producer = connect({ url: databaseUrl, as: 'serving', max: 1, lockTimeoutMs: 10_000 })
    return {
      producer,
      appender: openAppender({
        sql: producer,
        shard,
        instance,
        deadlineMs: ledgerDeadlineMs,
        observe: metrics.batch,
        answered(item, verdict, position, heard) {
          metrics.item(item, verdict)
          if ((item.kind !== 'settle' && item.kind !== 'charge_on_lease') || verdict !== 'ok')
            return
          const alreadyDelivered = item.kind === 'settle' && item.alreadyDelivered
          if ((heard && !cutOff) || alreadyDelivered) deliveries.charged(shard, position)
          else deliveries.withheld(shard, position)
        },
        log: warn,
      }),
    }
  })
  const appenderOf = (shard: number) => {
    const appender = producers[shard]?.appender
    if (!appender) throw new Error(`there is no shard ${shard}`)
    return appender
  }

  const windows = await openRateLimiter({
    redisUrl: environment.redisUrl,
    gateways: config.gateways,
    prefix: 'tollbook:',
    log,
  })
  const ahead = openLeaseManager(appenderOf, config.gateways, warn)
  const gate = openGate({
    config,
    prefixes: environment.keyPrefixes,
    keys: openKeyCache(sql, ledgerDeadlineMs),
    tariffs: openTariffCache(sql, ledgerDeadlineMs),
    windows,
    ahead,
    appenderOf,
    ipOf: (request) =>
      clientIp({
        socketAddress: server.requestIP(request)?.address ?? '',
        forwardedFor: request.headers.get('x-forwarded-for'),
        trustedProxies: config.trustedProxies,
      }),
  })
  const freeCalls = openFreeCalls(appenderOf, 2_000)
  const proxy = openProxy({
    ...{ config, addresses, gate, windows, appenderOf, freeCalls, log: warn },
    storedResponses: openStoredResponses(sql, ledgerDeadlineMs),
    settled: metrics.settled,
    observe(call) {
      metrics.call(call)
      if (call.refusal === 'internal') log.error(call, 'a call failed')
      else log.debug(call, 'call')
    },
    silence: {
      seconds: silentSeconds,
      allow: (request, seconds) => server.timeout(request, seconds),
    },
  })

  const management = openManagement({
    sql,
    commands: openCommands(sql, instance),
    config,
    prefixes: environment.keyPrefixes,
    random: secureRandom,
  })
  const { differs, ...tariffs } = await management.ensureTariff()
  if (differs) log.warn(tariffs, 'prices or plans of the file are not those of the ledger')
  const routes = Object.values(config.routes)
  let stopping = false
  const app = createApp({
    proxy,
    log: warn,
    corsOrigins: environment.corsOrigins,
    management,
    sql,
    config,
    auth: openAuth({
      ...environment,
      adminRole: config.adminRole,
      auditorRole: config.auditorRole,
      organisationClaim: config.organisationClaim,
      issuer: environment.jwtIssuer,
      audience: environment.jwtAudience,
      warn,
    }),
    system: {
      readiness: openReadiness({
        ...{ sql, windows, addresses, warn },
        services: new Set(
          routes.flatMap(({ target }) => (target.kind === 'upstream' ? [target.service] : [])),
        ),
        stopping: () => stopping,
      }),
    },
    customer: {
      gate,
      windows,
      balance: (accountId, mode) => balance(sql, accountId, mode),
      charge: (requestId, accountId) => charge(sql, requestId, accountId),
      refund: (requestId, keyId) =>
        management.refund(
          requestId,
          { externalId: `undelivered:${requestId}` },
          { actor: `key:${keyId}`, reason: 'delivery unknown' },
        ),
      tariffs: () => readCurrentTariffs(sql),
      revoke: (keyId) => management.revokeKey('everyone', keyId, { actor: `key:${keyId}` }),
    },
  })
  const published = publish(metrics.registry, options, warn)
  const calls = {
    paths: new Set(routes.map(({ path }) => path)),
    // The app does nothing around a call but tell pages of other origins what they may read.
    handle: environment.corsOrigins.length > 0 ? app.handle : proxy.handle,
  }
  const see = (request: RequestSeen) => {
    metrics.request(request)
    const manages = request.route !== 'none' && request.method !== 'GET'
    log[manages ? 'info' : 'debug'](request, 'request')
  }
  const handle = rejectMalformed(requestObserver(app.handle, calls, app.routes, see), see)
  const server = Bun.serve({
    port: environment.port,
    hostname: options.hostname,
    idleTimeout: silentSeconds,
    maxRequestBodySize: Number.MAX_SAFE_INTEGER, // each route has its own limit, and an answer for it
    fetch: (request) => {
      const answer = handle(request)
      return answer instanceof Promise ? answer.then(lastWhenStopping) : lastWhenStopping(answer)
    },
  })

  /** Clients that keep their connections open would never notice that the others go elsewhere. */
  function lastWhenStopping(answer: Response): Response {
    if (stopping) answer.headers.set('Connection', 'close')
    return answer
  }

  const work = [
    runPeriodically(
      5_000,
      async () => seen?.remember(),
      (e) => warn('how far the ledger was seen cannot be noted', e),
    ),
    runPeriodically(
      1_000,
      () => deliveries.note(),
      (e) => warn('what was delivered cannot be noted', e),
    ),
    runPeriodically(
      500,
      async () => (await catchUp(sql, shards)) > 0,
      (e) => warn('daily usage lags', e),
    ),
    runPeriodically(
      2_000,
      async () => {
        for (const shard of shards) await expireHolds(sql, shard, appenderOf(shard))
      },
      (e) => warn('overdue holds wait', e),
    ),
    runPeriodically(
      60_000,
      () => forgetResponses(sql),
      (e) => warn('stored answers are not forgotten', e),
    ),
    runPeriodically(
      60_000,
      () => extendPartitions(sql),
      (e) => warn('partitions could not be made ahead', e),
    ),
  ]

  return {
    url: `http://${options.hostname}:${server.port}`,
    metricsUrl: published?.url,
    async stop(withinMs = stopWithinMs) {
      stopping = true
      await Bun.sleep(environment.drainSeconds * 1_000)
      // stop() refuses new connections, closes silent ones and resolves when the last answer has left;
      // calls whose clients have left may still be under way then.
      await atMost(withinMs, Promise.all([server.stop(), proxy.idle(withinMs)]))
      proxy.cutOff()
      cutOff = true
      await server.stop(true)
      await proxy.idle(cutWithinMs)
      // A ledger that does not answer keeps nobody from ending: what is not written expires, uncharged.
      await atMost(leaveLedgerWithinMs, leaveLedger())
      for (const { appender } of producers) appender.close()
      await windows.close()
      await published?.stop()
      await Promise.all(
        [sql, ...producers.map(({ producer }) => producer)].map((pool) => pool.end({ timeout: 5 })),
      )
    },
  }

  /** Ends what is done again and again, and tells the ledger what it was not told yet. */
  async function leaveLedger(): Promise<void> {
    await Promise.all(work.map((recurring) => recurring.stop()))
    await Promise.all([freeCalls.close(), ahead.close()])
    await Promise.all(producers.map(({ appender }) => appender.drain(leaveLedgerWithinMs)))
    await deliveries.noteAll().catch((e) => warn('what was delivered cannot be noted', e))
    await catchUp(sql, shards).catch(() => 0)
    await seen?.remember().catch((e) => warn('how far the ledger was seen cannot be noted', e))
  }
}

/** Serves metrics where they are wanted, on a connection of their own: a scrape takes none from a call. */
function publish(
  registry: Registry,
  { metrics: address, databaseUrl }: GatewayOptions,
  warn: (message: string, error?: unknown) => void,
) {
  if (!address) return undefined
  const sql = connect({ url: databaseUrl, as: 'serving', max: 1, statementTimeoutMs: 4_000 })
  const readLedger = ledgerMetrics(registry, sql, warn)
  const server = serveMetrics(address, async () => {
    await readLedger()
    return registry.metrics()
  })
  return {
    url: server.url,
    async stop() {
      await server.stop()
      await sql.end({ timeout: 5 })
    },
  }
}

/** Resolves with the promise, or after this long. */
async function atMost(withinMs: number, promise: Promise<unknown>): Promise<void> {
  const { promise: late, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, withinMs)
  await Promise.race([promise, late])
  clearTimeout(timer)
}
