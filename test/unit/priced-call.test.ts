/** Whatever goes wrong inside the gateway, a reservation does not stay open for it. */
import { afterEach, expect, spyOn, test } from 'bun:test'
import { DedicatedHold } from '../../src/gate/reservation/dedicated-hold.ts'
import type { Terms } from '../../src/gate/reservation/reservation.ts'
import type { ReserveDeps } from '../../src/gate/reservation/reserve-deps.ts'
import type { Appender } from '../../src/ledger/append/appender.ts'
import type { AppendResult, CallCommand } from '../../src/ledger/append/call-commands.ts'
import { deliverPricedCall } from '../../src/proxy/delivery/deliver-priced-call.ts'
import { testConfig } from '../support/test-config.ts'
import { upstreamsAt } from '../support/upstream-address.ts'

const config = testConfig({}, 'http://127.0.0.1:1')
const route = config.routes.search
if (!route) throw new Error('the shipped configuration has no search')

const result: AppendResult = {
  ...{ verdict: 'ok', shard: 0, position: 1, available: 9, recordedAt: new Date(0), sentAtMs: 0 },
}
const terms = {
  ...{ key: { accountId: 'a', keyId: 'k', mode: 'live', shard: 0 }, price: route.price },
  ...{ tariff: 't', credits: 1, quantity: 1, result },
} as Terms
const rateLimit = {
  ...{ limit: 1, remaining: 0, windowMs: 1, resetMs: 0, degraded: false },
}
const call = {
  ...{ request: new Request('http://gateway.test/v1/search'), requestId: 'r', route },
  ...{ startedAtMs: 0, upstreamMs: 0 },
  target: { content: {}, path: '/v1/search', upstreamPath: '/api/v1/search' },
}
const body = { bytes: new Uint8Array(), content: {} }

/** Delivers a call whose upstream does this. */
function deliver(upstream: () => Promise<Response>) {
  const appended: CallCommand[] = []
  const append = async (command: CallCommand) => {
    appended.push(command)
    return result
  }
  spyOn(globalThis, 'fetch').mockImplementation(upstream as unknown as typeof fetch)
  const reserveDeps = { config, appenderOf: () => ({ append }) as Partial<Appender> }
  const toReserve = { ...call, claim: undefined, content: {} }
  const reservation = new DedicatedHold(reserveDeps as unknown as ReserveDeps, toReserve, terms)
  const outcome = deliverPricedCall({
    ...{ call, body, rateLimit, reservation, reservedAtMs: 0 },
    deps: {
      upstreams: upstreamsAt('search', 'http://127.0.0.1:1'),
      storedResponses: { store: fail, read: fail, replayed: fail },
      freeCalls: { count: fail, flush: fail, close: fail },
      maxDeliverySeconds: 60,
      maxBufferedBytes: config.limits.maxBufferedBytes,
      isCutOff: () => false,
      letLeave: () => true,
      log() {},
    },
  })
  return { appended, outcome }
}
afterEach(() => spyOn(globalThis, 'fetch').mockRestore())

test('a failure of the gateway itself voids the reservation', async () => {
  const broken = Response.json({})
  Object.defineProperty(broken, 'status', {
    get() {
      throw new Error('a fault of ours')
    },
  })
  const { appended, outcome } = deliver(async () => broken)
  await expect(outcome).rejects.toThrow('a fault of ours')
  expect(appended).toMatchObject([{ kind: 'release', reason: 'gateway_failed', requestId: 'r' }])
})

test('a response whose head cannot be made is not charged', async () => {
  const response = Response.json({})
  Object.defineProperty(response, 'headers', {
    value: { has: () => false, get: () => null, forEach: fail },
  })
  const { appended, outcome } = deliver(async () => response)
  await outcome.catch(() => {})
  expect(appended.map(({ kind }) => kind)).toEqual(['release'])
})

function fail(): never {
  throw new TypeError('no such header')
}
