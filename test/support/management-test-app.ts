/**
 * Management over HTTP on a ledger of its own, asked as programs ask it. The shipped configuration is what it
 * sells: free 100 credits, pro 5,000, enterprise 50,000.
 */

import type { Config } from '../../src/config/config.ts'
import { loadConfig, shippedConfigFile } from '../../src/config/load-config.ts'
import { tariffHash, tariffOf } from '../../src/config/tariff.ts'
import { openInProcessLimiter } from '../../src/gate/rate-limit/in-process-limiter.ts'
import { openAuth } from '../../src/http/auth/auth.ts'
import { signToken } from '../../src/http/auth/sign-token.ts'
import { type ManagementAppDeps, managementApp } from '../../src/http/management-app.ts'
import { readFrom } from '../../src/http/report-source.ts'
import { openOwnersCommands } from '../../src/ledger/commands/management-commands.ts'
import { connect } from '../../src/ledger/connect.ts'
import { readShards } from '../../src/ledger/read/read-shards.ts'
import { openOwnSessionRows } from '../../src/ledger/sessions/session-rows.ts'
import { secureRandom } from '../../src/lib/base62.ts'
import { openBodyMemoryBudget } from '../../src/lib/body-memory-budget.ts'
import { newRequestId } from '../../src/lib/ids.ts'
import {
  type Management,
  openManagement,
  openOwnersManagement,
} from '../../src/management/management.ts'
import { catchUpAll } from './catch-up-all.ts'
import type { Gateway } from './gateway.ts'
import { generousLimits } from './test-config.ts'
import { type Ledger, openLedger, prefixes } from './test-ledger.ts'

export interface TestApp extends AsyncDisposable {
  readonly ledger: Ledger
  readonly config: Config
  readonly management: Management
  /** The errors that clients do not learn. */
  readonly logged: unknown[]
  /** Sends a request as `who`: a user, `admin`, `auditor`, `user@organisation`, or nobody. */
  ask(who: string | undefined, method: string, path: string, body?: unknown): Promise<Response>
  /** The same, for the JSON of a response that must be a success. */
  get<T = Json>(who: string, method: string, path: string, body?: unknown): Promise<T>
  /** Sends a request that the test made itself. */
  handle(request: Request): Promise<Response>
  /** Issues a key for a user; resolves with its apiKey object. */
  issue(who: string, body?: object): Promise<Json>
  /** Charges a call of the key, as a gateway does; resolves with the request id. */
  charge(keyId: string, credits: number): Promise<string>
  /** Brings daily usage up to the log's end. */
  catchUp(): Promise<void>
}

// biome-ignore lint/suspicious/noExplicitAny: tests read responses as programs without types do.
export type Json = any

const secret = 'a secret of at least thirty-two bytes'

export const shippedConfig = loadConfig({ file: shippedConfigFile, env: {} })

export async function openTestApp(options: { shards?: number } = {}): Promise<TestApp> {
  const config = shippedConfig
  const tariff = tariffOf(config)
  const ledger = await openLedger({ ...options, tariff })
  const logged: unknown[] = []
  const management = managementOn(ledger, config)
  const portalSql = connect({ url: ledger.url, as: 'portal', max: 4 })
  const app = appOn({
    ...{ management, sql: ledger.sql },
    owners: {
      ...{ sql: portalSql, sessions: openOwnSessionRows(portalSql) },
      reportSource: readFrom(portalSql),
      management: openOwnersManagement({
        ...{ sql: portalSql, commands: openOwnersCommands(portalSql, 'portal') },
        ...{ config, prefixes, random: secureRandom },
      }),
    },
    log: (message, error) => logged.push(message, error),
  })

  async function ask(who: string | undefined, method: string, path: string, body?: unknown) {
    const headers = new Headers()
    if (who !== undefined) headers.set('authorization', `Bearer ${await token(who)}`)
    if (body !== undefined) headers.set('content-type', 'application/json')
    return app.handle(
      new Request(`http://localhost${path}`, {
        method,
        headers,
        ...(body !== undefined && { body: JSON.stringify(body) }),
      }),
    )
  }

  const get: TestApp['get'] = async (who, method, path, body) => {
    const response = await ask(who, method, path, body)
    const json: Json = await response.json()
    if (response.ok) return json
    throw new Error(`${method} ${path} responded with ${response.status}: ${JSON.stringify(json)}`)
  }

  const gateways = new Map<number, Gateway>()
  function gatewayOf(shard: number): Gateway {
    const gateway = gateways.get(shard) ?? ledger.newGateway(`gateway-of-${shard}`, { shard })
    gateways.set(shard, gateway)
    return gateway
  }

  async function charge(keyId: string, credits: number): Promise<string> {
    const [row] = await ledger.sql<Json[]>`
      select k.shard, k.key_id as "keyId", k.account_id as "accountId", k.mode, k.version,
        json_build_object('version', a.version) as account
      from key_state k join account_state a on a.account_id = k.account_id
      where k.key_id = ${keyId}`
    const gateway = gatewayOf(row.shard)
    const held = await gateway.hold(
      { ...row, tariff: () => tariffHash(tariff), now: () => ledger.now },
      credits,
    )
    if (held.verdict !== 'ok') throw new Error(`holding: ${held.verdict}`)
    await gateway.settle(held.hold, credits)
    return held.hold.requestId
  }

  return {
    ...{ ledger, config, management, logged, ask, get, charge },
    handle: (request) => app.handle(request),
    async catchUp() {
      await catchUpAll(ledger.sql, await readShards(ledger.sql))
    },
    issue: async (who, body = {}) =>
      (await get(who, 'POST', '/api-keys', { name: 'A key', ...body })).apiKey,
    async [Symbol.asyncDispose]() {
      await portalSql.end({ timeout: 5 })
      await ledger.close()
    },
  }
}

/** The app as the gateway mounts it. */
export function appOn(deps: Pick<ManagementAppDeps, 'management' | 'sql' | 'owners' | 'log'>) {
  const { adminRole, auditorRole, supportRole, readerRole, organisationClaim } = shippedConfig
  return managementApp({
    ...deps,
    reportSource: readFrom(deps.sql),
    config: { ...shippedConfig, limits: { ...shippedConfig.limits, ...generousLimits } },
    rateLimiter: openInProcessLimiter(),
    ipOf: () => '192.0.2.1',
    newBodyMemory: openBodyMemoryBudget(shippedConfig.limits.maxTotalBodyBytes),
    auth: openAuth({
      ...{ jwtSecret: secret, adminUserIds: [], adminRole, auditorRole, supportRole },
      ...{ readerRole, organisationClaim },
    }),
    requestIdOf: requestIds(),
  })
}

/** A token for a user, `user@organisation`, `admin` or `auditor`. */
export function token(who: string): Promise<string> {
  const [subject = '', organisation] = who.split('@')
  const claim = shippedConfig.organisationClaim
  return signToken({
    ...{ secret, subject, expiresInSeconds: 60 },
    ...(who === 'admin' || who === 'auditor' ? { role: who } : {}),
    ...(organisation && { organisation: { claim, id: organisation } }),
  })
}

/** Management as another gateway would run it on the same ledger. */
export function managementOn({ sql, commands }: Pick<Ledger, 'sql' | 'commands'>, config: Config) {
  return openManagement({ sql, commands, config, prefixes, random: secureRandom })
}

function requestIds(): (request: Request) => string {
  const ids = new WeakMap<Request, string>()
  return (request) => {
    const known = ids.get(request) ?? newRequestId()
    ids.set(request, known)
    return known
  }
}
