/**
 * The whole way of a call, for tests: a ledger, an upstream with a script, a gateway in front of it, and an account
 * with a key. Everything is real but the upstream.
 */
import type { RecordedEvent } from '../../events/event.ts'
import { type Tariff, tariffOf } from '../../src/config/tariff.ts'
import type { SignInLink } from '../../src/http/auth/sign-in-link.ts'
import { startTestGateway, type TestGateway } from './running-gateway.ts'
import { type ConfigChanges, testConfig } from './test-config.ts'
import { type Ledger, openLedger, type TestAccount, type TestKey } from './test-ledger.ts'
import { until } from './until.ts'
import { startUpstream, type Upstream } from './upstream.ts'

export interface Shop {
  readonly ledger: Ledger
  readonly upstream: Upstream
  readonly gateway: TestGateway
  /** On the plan pro, with 5,000 credits. */
  readonly account: TestAccount
  readonly key: TestKey
  /** Another account and its key, on this plan. */
  newKey(plan?: string, options?: Parameters<Ledger['key']>[1]): Promise<TestKey>
  /** A request to the gateway, with the shop's key unless another one or none is given. */
  fetch(path: string, init?: ShopRequest): Promise<Response>
  /** A JSON POST. */
  post(path: string, json: unknown, init?: ShopRequest): Promise<Response>
  /** The call's events, in the order of the log. */
  eventsOf(requestId: string | null | undefined): Promise<CallEvent[]>
  /** The same by type, once the last of them has this type. */
  outcomeOf(requestId: string | null | undefined, last: string): Promise<CallEvent[]>
  close(): Promise<void>
}

export type ShopRequest = RequestInit & { readonly key?: string | null }

export type CallEvent = Pick<
  RecordedEvent,
  'shard' | 'position' | 'type' | 'credits' | 'quantity' | 'status' | 'tariff' | 'payload'
>

export async function openShop(
  options: {
    readonly config?: ConfigChanges
    readonly demoUrls?: Readonly<Record<string, string>>
    /** The addresses of the upstreams, instead of the shop's own. */
    readonly upstreamUrl?: string
    readonly redisUrl?: string
    /** Where the gateway listens; else the loopback of IPv4. */
    readonly hostname?: string
    readonly tariff?: Tariff
    readonly adminUserIds?: readonly string[]
    readonly env?: Readonly<Record<string, string>>
    /** The calls of the shop's key take dedicated holds, each of them: it has a cap, which it never reaches. */
    readonly dedicatedHolds?: boolean
    /** Signs in to the portal. */
    readonly signInLink?: SignInLink
    /** The same to the console, which is served then. */
    readonly consoleLink?: SignInLink
  } = {},
): Promise<Shop> {
  const { config, demoUrls, redisUrl, adminUserIds, env, hostname, signInLink, consoleLink } =
    options
  const upstream = startUpstream()
  const ledger = await openLedger({ tariff: options.tariff ?? tariffOf(testConfig(config)) })
  const upstreams = demoUrls ? { demoUrls } : { upstream: options.upstreamUrl ?? upstream.url }
  const gateway = await startTestGateway({
    databaseUrl: ledger.url,
    redisUrl,
    hostname,
    adminUserIds,
    env,
    signInLink,
    consoleLink,
    ...(config ? { config } : {}),
    ...upstreams,
  })
  const account = await ledger.account({ plan: 'pro' })
  const key = await ledger.key(account, { monthlyCap: options.dedicatedHolds ? 1_000_000 : null })

  function request(path: string, { key: sent = key.text, ...init }: ShopRequest = {}) {
    const headers = new Headers(init.headers)
    if (sent !== null) headers.set('x-api-key', sent)
    return fetch(gateway.url + path, { ...init, headers })
  }

  const eventsOf: Shop['eventsOf'] = (requestId) => ledger.sql<CallEvent[]>`
    select shard, position, type, credits, quantity, status, tariff, payload from events
    where request_id = ${requestId ?? ''} order by position`

  return {
    ...{ ledger, upstream, gateway, account, key, fetch: request, eventsOf },
    newKey: async (plan = 'pro', more) => ledger.key(await ledger.account({ plan }), more),
    post(path, json, init = {}) {
      const headers = new Headers(init.headers)
      headers.set('content-type', 'application/json')
      return request(path, { method: 'POST', body: JSON.stringify(json), ...init, headers })
    },
    async outcomeOf(requestId, last) {
      let events: CallEvent[] = []
      await until(async () => {
        events = await eventsOf(requestId)
        return events.at(-1)?.type === last
      })
      return events
    },
    async close() {
      await gateway.stop()
      await upstream.stop()
      await ledger.close()
    },
  }
}

/** `shard-position` of an event, as responses print it. */
export function at(event: CallEvent | undefined): string {
  return `${event?.shard}-${event?.position}`
}
