/**
 * Builds a gateway from its configuration: the ledger first, then what calls need, then management, and last
 * the server. Clients of PostgreSQL and Redis are made here; every other part is given what it needs. Each
 * part is pushed on `shutdown` when it is opened.
 */
import { type UpstreamAddresses, upstreamAddresses } from '../config/upstream-addresses.ts'
import { calledServices } from '../config/upstream-credentials.ts'
import { clientIp } from '../gate/authorize/client-ip.ts'
import { openKeyCache } from '../gate/authorize/key-cache.ts'
import { openTariffCache } from '../gate/authorize/tariff-cache.ts'
import { type Gate, openGate } from '../gate/gate.ts'
import { openRateLimiter } from '../gate/rate-limit/open-rate-limiter.ts'
import type { RateLimiter } from '../gate/rate-limit/rate-limiter.ts'
import { LeaseManager } from '../gate/reservation/lease-manager.ts'
import { type Auth, openAuth } from '../http/auth/auth.ts'
import { type OidcSignIn, openOidcSignIn } from '../http/auth/oidc-sign-in.ts'
import { signInAdvice } from '../http/auth/sign-in-advice.ts'
import { signInOptions } from '../http/auth/sign-in-options.ts'
import { operatorsConsole, portal, type Site } from '../http/auth/sites.ts'
import type { OwnersPart } from '../http/management-app.ts'
import type { CustomerDeps } from '../http/routes/customer/customer.ts'
import { openReadiness, type ReadinessDeps } from '../http/routes/system/readiness.ts'
import { HighWaterMarks } from '../ledger/append/high-water-marks.ts'
import { openKeyCommands } from '../ledger/commands/key-commands.ts'
import {
  openManagementCommands,
  openOwnersCommands,
} from '../ledger/commands/management-commands.ts'
import { openStoredResponses } from '../ledger/idempotency/stored-responses.ts'
import { readCurrentTariffs } from '../ledger/read/read-tariffs.ts'
import { type RefusedCall, storeRefusals } from '../ledger/refusals/stored-refusals.ts'
import { openOwnSessionRows, openSessionRows } from '../ledger/sessions/session-rows.ts'
import { secureRandom } from '../lib/base62.ts'
import { openBodyMemoryBudget } from '../lib/body-memory-budget.ts'
import { newInstanceId } from '../lib/ids.ts'
import { limitRepeats } from '../lib/limit-repeats.ts'
import { mapValues } from '../lib/map-values.ts'
import { type Management, openManagement, openOwnersManagement } from '../management/management.ts'
import { refundUndelivered, revokeOwnKey } from '../management/own-key.ts'
import { openFreeCalls } from '../proxy/metering/count-free-calls.ts'
import { openRefusedCalls } from '../proxy/metering/count-refused-calls.ts'
import { type CallProxy, openProxy } from '../proxy/proxy.ts'
import { openUpstreams } from '../proxy/upstream/upstreams.ts'
import { readOwnBalance } from '../reports/account/balance.ts'
import { lookUpOwnCharge } from '../reports/charge/charge-lookup.ts'
import { readOwnCharges } from '../reports/charge/charge-page.ts'
import { createApps } from './app.ts'
import {
  failures,
  startBackground,
  startCatchingUp,
  startForgettingSessions,
  startKeepingMarks,
} from './background.ts'
import {
  type Appends,
  type Ledger,
  ledgerTimeoutMs,
  type ManagementLedger,
  managementUrl,
  openAppends,
  openLedger,
  openManagementLedger,
} from './compose-ledger.ts'
import type { Context } from './context.ts'
import { dispatch } from './dispatch.ts'
import type { GatewayOptions } from './gateway-options.ts'
import { type HttpServer, idleTimeoutSeconds, openHttpServer } from './http-server.ts'
import { gatewayGauges } from './metrics/gateway-gauges.ts'
import { type ObservedRequest, openMetrics } from './metrics/metrics.ts'
import { publishMetrics } from './metrics/publish-metrics.ts'
import type { MetricsServer } from './metrics/serve-metrics.ts'
import { listenAt } from './own-port.ts'
import type { Phase } from './phase.ts'
import { manages, sells } from './plane.ts'
import { rejectMalformed } from './reject-malformed.ts'
import { requestObserver } from './request-observer.ts'
import type { Serving, Shutdown } from './shutdown.ts'

/** How often free calls are counted in the ledger. */
const countFreeCallsMs = 2_000
/** The same for refused ones. */
const countRefusedCallsMs = 5_000

/** What is known of a gateway that was built. */
interface Composition {
  readonly url: string
  readonly metricsUrl: string | undefined
  readonly consoleUrl: string | undefined
  readonly serving: Serving
}

export async function compose(
  options: GatewayOptions,
  shutdown: Shutdown,
  warn: (message: string, error?: unknown) => void,
): Promise<Composition> {
  const { config, environment } = options
  const instance = newInstanceId()
  const phase: Phase = { isStopping: false }
  const metrics = openMetrics(Object.keys(config.routes), options.worker)
  const newBodyMemory = openBodyMemoryBudget(config.limits.maxTotalBodyBytes)
  const shared = { instance, phase, metrics, newBodyMemory, shutdown, warn }
  const context: Context = { ...options, ...shared }

  const { plane = 'both' } = options
  const marks = new HighWaterMarks()
  const ledger = sells(plane) ? await openLedger(context, marks) : undefined
  const managementLedger = manages(plane) ? await openManagementLedger(context, marks) : undefined
  const published = openPublishedMetrics(context, ledger !== undefined)
  const rateLimiter = await openSharedRateLimiter(context)
  const server = openHttpServer(phase)
  const consoleServer = openHttpServer(phase)
  const ipOf = ipsAt(context, server)
  const calls = ledger && openCalls(context, { ledger, rateLimiter, ipOf, server })
  gatewayGauges(metrics.registry, {
    callsInFlight: () => calls?.proxy.inFlight ?? 0,
    appendsPending: () => calls?.appends.pending() ?? 0,
    rateLimitsDegraded: () => rateLimiter.degraded,
    clockDisagrees: () => calls?.appends.fault() === 'clock_disagrees',
  })
  const management = managementLedger && (await openCheckedManagement(context, managementLedger))
  const parts = { ledger, managementLedger, calls }
  const consoleIpOf = options.consoleEndpoint && ipsAt(context, consoleServer)
  const apps = openApps(context, { ...parts, management, rateLimiter, ipOf, consoleIpOf })
  const { hostname, worker } = options
  const handle = requestHandler(context, apps.app, calls?.proxy)
  server.listen({ hostname, port: environment.port, isShared: worker !== undefined }, handle)
  if (apps.console) serveConsole(context, consoleServer, requestHandler(context, apps.console))
  keepUp(context, parts)

  const { drainSeconds } = environment
  const serving = { server, proxy: calls?.proxy ?? noCalls, phase, drainSeconds }
  const consoleUrl = consoleServer.url || undefined
  return { url: server.url, metricsUrl: published?.url, consoleUrl, serving }
}

/** The address of a request's client. */
function ipsAt({ config }: Context, server: HttpServer): (request: Request) => string {
  return (request) =>
    clientIp({
      socketAddress: server.socketAddressOf(request),
      forwardedFor: request.headers.get('x-forwarded-for'),
      trustedProxies: config.trustedProxies,
    })
}

/** @throws Error when the address is taken */
function serveConsole(
  { consoleEndpoint, shutdown }: Context,
  server: HttpServer,
  handle: Parameters<HttpServer['listen']>[1],
): void {
  if (!consoleEndpoint) return
  const { hostname } = consoleEndpoint
  listenAt(consoleEndpoint, { served: 'the console is', variable: 'CONSOLE_PORT' }, (port) =>
    server.listen({ hostname, port }, handle),
  )
  shutdown.push('the console', () => server.closeConnections())
}

/** Where nothing is sold, no call has to end. */
const noCalls: Serving['proxy'] = { idle: async () => {}, cutOff() {} }

interface Parts {
  readonly ledger: Ledger | undefined
  readonly managementLedger: ManagementLedger | undefined
  readonly calls: Calls | undefined
}

function keepUp({ config, shutdown, warn }: Context, parts: Parts): void {
  const { ledger, managementLedger, calls } = parts
  if (managementLedger) {
    const { forget } = openSessionRows(managementLedger.sql)
    shutdown.push('the sessions of browsers', startForgettingSessions(forget, warn))
  }
  if (ledger && calls) {
    const { fenceAfterSeconds } = config.limits
    const deps = { ...ledger, ...calls.appends, leases: calls.leases, fenceAfterSeconds }
    calls.appends.lastWrites.push('the periodic tasks', startBackground(deps, warn))
    calls.appends.lastWrites.push(
      'what follows the log',
      startCatchingUp(ledger.sql, ledger.shards, warn),
    )
  } else if (managementLedger) {
    const { storeHighWaterMarks } = managementLedger
    shutdown.push('the high-water mark', () =>
      storeHighWaterMarks().catch((error) => warn(failures.highWaterMark, error)),
    )
    shutdown.push('the periodic tasks', startKeepingMarks(storeHighWaterMarks, warn))
  }
}

function openPublishedMetrics(context: Context, sells: boolean): MetricsServer | undefined {
  const { metricsEndpoint, databaseUrl, metrics, shutdown, warn } = context
  if (!metricsEndpoint) return undefined
  const login = sells
    ? ({ url: databaseUrl, as: 'calls' } as const)
    : ({ url: managementUrl(context), as: 'management' } as const)
  const server = publishMetrics(metrics.registry, metricsEndpoint, login, warn)
  shutdown.push('the metrics', () => server.stop())
  return server
}

async function openSharedRateLimiter(context: Context): Promise<RateLimiter> {
  const { config, environment, shutdown, log } = context
  const rateLimiter = await openRateLimiter({
    redisUrl: environment.redisUrl,
    gateways: config.gateways,
    prefix: 'tollbook:',
    log,
  })
  shutdown.push('the rate limiter', () => rateLimiter.close())
  return rateLimiter
}

interface CallDeps {
  readonly ledger: Ledger
  readonly rateLimiter: RateLimiter
  /** The address of a request's client. */
  readonly ipOf: (request: Request) => string
  readonly server: HttpServer
}

interface Calls {
  readonly appends: Appends
  readonly addresses: Readonly<Record<string, UpstreamAddresses>>
  readonly gate: Gate
  readonly leases: LeaseManager
  readonly proxy: CallProxy
}

function openCalls(context: Context, deps: CallDeps): Calls {
  const { config, metrics, newBodyMemory, warn, log } = context
  const { ledger, rateLimiter, ipOf, server } = deps
  const addresses = upstreamAddresses(config, context.demoUrls, context.variable)
  const appends = openAppends(context, ledger)
  const { appenderOf, lastWrites } = appends
  const leases = new LeaseManager(appenderOf, config, warn)
  const freeCalls = openFreeCalls(appenderOf, countFreeCallsMs)
  const store = (calls: readonly RefusedCall[]) => storeRefusals(ledger.sql, calls)
  const refusedCalls = openRefusedCalls(appenderOf, store, countRefusedCallsMs)
  lastWrites.push('counted calls and leases', () =>
    Promise.all([freeCalls.close(), refusedCalls.close(), leases.close()]),
  )
  const gate = openGate({
    config,
    prefixes: context.environment.keyPrefixes,
    keys: openKeyCache(ledger.sql, ledgerTimeoutMs),
    tariffs: openTariffCache(ledger.sql, ledgerTimeoutMs),
    ...{ rateLimiter, leases, appenderOf, ipOf, log: warn },
  })
  const proxy = openProxy({
    ...{ config, gate, freeCalls, refusedCalls, newBodyMemory, log: warn },
    upstreams: openUpstreams(config, addresses),
    storedResponses: openStoredResponses(ledger.sql, ledgerTimeoutMs),
    letLeave: ({ shard, position }) => appenderOf(shard).deliveries.leave(position),
    settled: metrics.settled,
    observe(call) {
      metrics.call(call)
      if (call.refusal === 'internal') log.error(call, 'a call failed')
      else log.debug(call, 'call')
    },
    idleTimeout: { seconds: idleTimeoutSeconds, set: server.setIdleTimeout },
  })
  return { appends, addresses, gate, leases, proxy }
}

/**
 * Opens management, gives an empty ledger the configuration's tariff, and warns when the prices and plans of the
 * configuration are neither in force nor announced.
 */
async function openCheckedManagement(
  { config, environment, instance, log }: Context,
  { sql, marks }: ManagementLedger,
): Promise<Management> {
  const management = openManagement({
    sql,
    commands: openManagementCommands(sql, instance, marks),
    config,
    prefixes: environment.keyPrefixes,
    random: secureRandom,
  })
  const { differs, announcedFrom, ...tariffs } = await management.ensureTariff()
  if (announcedFrom !== undefined) {
    const message = `the prices and plans of the file are announced, and come into force at ${announcedFrom}`
    log.info({ file: config.file, ...tariffs }, message)
  } else if (differs) {
    const message =
      'the prices or plans of the file are not those in force: "tollbook prices diff FILE" shows how they differ, "tollbook prices publish FILE" puts them in force'
    log.warn({ file: config.file, ...tariffs }, message)
  }
  return management
}

/** What owners' routes use, where they have a login of their own. */
function openOwners(
  { config, environment, instance }: Context,
  { portal, marks }: ManagementLedger,
): OwnersPart | undefined {
  if (!portal) return undefined
  const { sql } = portal
  const management = openOwnersManagement({
    sql,
    commands: openOwnersCommands(sql, instance, marks),
    config,
    prefixes: environment.keyPrefixes,
    random: secureRandom,
  })
  return { ...portal, management, sessions: openOwnSessionRows(sql) }
}

interface AppParts extends Parts {
  readonly management: Management | undefined
  readonly rateLimiter: RateLimiter
  readonly ipOf: CallDeps['ipOf']
  /** The same of the console's server; absent: there is no console. */
  readonly consoleIpOf: CallDeps['ipOf'] | undefined
}

function openApps(context: Context, parts: AppParts): ReturnType<typeof createApps> {
  const { config, environment, newBodyMemory, warn } = context
  const { ledger, managementLedger, calls, management, rateLimiter, ipOf, consoleIpOf } = parts
  return createApps({
    config,
    log: warn,
    calls: ledger &&
      calls && { proxy: calls.proxy, customer: customerDeps(context, ledger, calls, rateLimiter) },
    management: managementLedger &&
      management && {
        ...managementLedger,
        owners: openOwners(context, managementLedger),
        ...{ management, newBodyMemory, rateLimiter, ipOf },
        auth: openSignIn(context),
        signInLink: context.signInLink,
        oidc: openSignInAt(context, portal, environment.oidc?.publicUrl),
        console: consoleIpOf && {
          ipOf: consoleIpOf,
          signInLink: context.consoleLink,
          oidc: openSignInAt(context, operatorsConsole, environment.console?.publicUrl),
        },
      },
    corsOrigins: environment.corsOrigins,
    corsHeaders: environment.corsHeaders ?? [],
    system: { readiness: openReadiness(readinessDeps(context, parts)) },
  })
}

function readinessDeps({ config, phase, warn }: Context, parts: AppParts): ReadinessDeps {
  const { ledger, managementLedger, calls, rateLimiter } = parts
  const portal = managementLedger?.portal
  return {
    ledgers: [
      ...(ledger ? [{ sql: ledger.sql, role: 'calls' as const }] : []),
      ...(managementLedger ? [{ sql: managementLedger.sql, role: 'management' as const }] : []),
      ...(portal ? [{ sql: portal.sql, role: 'portal' as const }] : []),
    ],
    ...{ rateLimiter, warn },
    addresses: calls?.addresses ?? {},
    services: calls ? calledServices(config) : new Set(),
    isStopping: () => phase.isStopping,
    ledgerFault: () => calls?.appends.fault(),
  }
}

function openSignIn({ config, environment, warn, log }: Context): Auth {
  const options = signInOptions(config, environment)
  const advice = signInAdvice(options)
  if (advice !== undefined) log.warn({}, advice)
  // The message is always the same, so that a stranger's tokens make one line a second at most.
  const note = limitRepeats<string>((message, reason, suppressed) =>
    log.info({ reason, ...(suppressed > 0 && { suppressedBefore: suppressed }) }, message),
  )
  return openAuth({
    ...options,
    warn,
    refused: (reason) => note('a token was not accepted', reason),
  })
}

/** @param publicUrl where browsers reach the site */
function openSignInAt(
  { config, environment }: Context,
  site: Site,
  publicUrl: string | undefined,
): OidcSignIn | undefined {
  if (!environment.oidc || publicUrl === undefined) return undefined
  const roles = signInOptions(config, environment)
  return openOidcSignIn({ ...environment.oidc, site, publicUrl, roles })
}

function customerDeps(
  { config, instance }: Context,
  { sql, marks }: Ledger,
  calls: Calls,
  rateLimiter: RateLimiter,
): CustomerDeps {
  const commands = openKeyCommands(sql, instance, marks)
  return {
    gate: calls.gate,
    rateLimiter,
    balance: (keyHash) => readOwnBalance(sql, keyHash),
    charges: (keyHash, page) => readOwnCharges(sql, keyHash, page),
    charge: (keyHash, requestId) => lookUpOwnCharge(sql, keyHash, requestId),
    refundsUnknown: config.refunds.unknownDelivery === 'customer',
    refund: (own, requestId) => refundUndelivered(commands, own, requestId),
    routes: mapValues(config.routes, ({ methods, path }) => ({ methods, path })),
    tariffs: () => readCurrentTariffs(sql),
    revoke: (own) => revokeOwnKey(commands, own),
  }
}

/** Rejects what is malformed, and hands calls to the proxy and all other requests to the app, where they are observed. */
function requestHandler(
  context: Context,
  app: Pick<ReturnType<typeof createApps>['app'], 'handle' | 'routes'>,
  proxy?: CallProxy,
) {
  const { environment, metrics, log } = context
  const observe = (request: ObservedRequest) => {
    metrics.request(request)
    const isManagement = request.route !== 'none' && request.method !== 'GET'
    log[isManagement ? 'info' : 'debug'](request, 'request')
  }
  const observedApp = requestObserver(app.handle, app.routes, observe)
  if (!proxy) return rejectMalformed(observedApp, () => undefined, observe)
  const calls = {
    isKnown: proxy.isCall,
    // For a call the app does nothing but tell pages of other origins what they may read.
    handle: environment.corsOrigins.length > 0 ? app.handle : proxy.handle,
  }
  return rejectMalformed(dispatch(calls, observedApp), proxy.providerOf, observe)
}
