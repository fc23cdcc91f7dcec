/** A response whose charge was sent too long ago is withheld, at the last moment. */
import { afterEach, describe, expect, spyOn, test } from 'bun:test'
import type { Gate } from '../../src/gate/gate.ts'
import { DedicatedHold } from '../../src/gate/reservation/dedicated-hold.ts'
import type { Terms } from '../../src/gate/reservation/reservation.ts'
import type { ReserveDeps } from '../../src/gate/reservation/reserve-deps.ts'
import type { CallCommand } from '../../src/ledger/append/call-commands.ts'
import { openBodyMemoryBudget } from '../../src/lib/body-memory-budget.ts'
import { openProxy } from '../../src/proxy/proxy.ts'
import { testConfig } from '../support/test-config.ts'
import { upstreamsAt } from '../support/upstream-address.ts'

const config = testConfig({ limits: { maxBufferedBytes: 1_000 } }, 'http://127.0.0.1:1')
const { search: route } = config.routes
if (!route) throw new Error('the shipped configuration has no search')

const result = {
  ...{ verdict: 'ok', shard: 0, position: 17, available: 9, recordedAt: new Date(0), sentAtMs: 0 },
} as const
const key = { accountId: 'a', keyId: 'k', mode: 'live', shard: 0 }
const terms = {
  ...{ key, price: route.price, tariff: 't', credits: 1, quantity: 1, result },
} as unknown as Terms
const rateLimit = { limit: 1, remaining: 0, windowMs: 1, resetMs: 0, degraded: false }

/** Calls a route whose upstream responds with so many bytes, and is asked at the end whether the response may leave. */
async function call(bytes: number, mayLeave: boolean) {
  const asked: number[] = []
  const appended: CallCommand[] = []
  const append = async (command: CallCommand) => {
    appended.push(command)
    return result
  }
  const upstream = async () => new Response(new Blob(['x'.repeat(bytes)]).stream())
  spyOn(globalThis, 'fetch').mockImplementation(upstream as unknown as typeof fetch)
  const reserveDeps = { config, appenderOf: () => ({ append }) } as unknown as ReserveDeps
  const gate = {
    authorize: async () => ({ ok: true, authorized: { key, price: route?.price } }),
    begin: () => () => {},
    takePermit: async () => ({ ok: true, permit: {}, rateLimit }),
    takeTokens: async () => ({ ok: true, tokens: undefined }),
    reserve: async (_: unknown, toReserve: ConstructorParameters<typeof DedicatedHold>[1]) => ({
      ...{
        ok: true,
        kind: 'reserved',
        reservation: new DedicatedHold(reserveDeps, toReserve, terms),
      },
    }),
  } as unknown as Gate
  const unused = (() => {
    throw new Error('not reached')
  }) as never
  const proxy = openProxy({
    ...{ config, gate, idleTimeout: { seconds: 60, set() {} } },
    upstreams: upstreamsAt('search', 'http://127.0.0.1:1'),
    refusedCalls: { count() {} },
    freeCalls: { count: unused, flush: unused, close: unused },
    storedResponses: { store: unused, read: unused, replayed: unused },
    letLeave({ position }) {
      asked.push(position)
      return mayLeave
    },
    newBodyMemory: openBodyMemoryBudget(1_000_000),
    log() {},
  })
  const headers = { 'content-type': 'application/json' }
  const init = { method: 'POST', headers, body: '{"query":"q"}' }
  const response = await proxy.handle(new Request('http://gateway.test/v1/search', init))
  return { response, asked, appended, proxy }
}
afterEach(() => spyOn(globalThis, 'fetch').mockRestore())

describe('a response that is buffered', () => {
  test('leaves in time', async () => {
    const { response, asked } = await call(10, true)
    expect(response.status).toBe(200)
    expect(await response.text()).toBe('x'.repeat(10))
    expect(asked).toEqual([17])
  })

  test('is withheld when it is late, and the client reads where to see the charge', async () => {
    const { response, appended } = await call(10, false)
    expect(response.status).toBe(503)
    expect(response.headers.has('x-credits-charged')).toBe(false)
    const { code, detail, requestId } = (await response.json()) as Record<string, string>
    expect(code).toBe('ledger_unavailable')
    expect(detail).toContain(`/v1/charges/${requestId}`)
    // It is charged: a release would change nothing, and is not asked for.
    expect(appended.map(({ kind }) => kind)).toEqual(['settle'])
  })
})

describe('the last piece of a long response', () => {
  test('leaves in time', async () => {
    const { response, asked, proxy } = await call(100_000, true)
    expect((await response.text()).length).toBe(100_000)
    expect(asked).toEqual([17])
    expect(proxy.inFlight).toBe(0)
  })

  test('is withheld when it is late: the client sees a broken body', async () => {
    const { response, appended, proxy } = await call(100_000, false)
    expect(response.status).toBe(200)
    await expect(response.text()).rejects.toThrow()
    expect(appended.map(({ kind }) => kind)).toEqual(['settle'])
    expect(proxy.inFlight).toBe(0)
  })
})
