/** A client who waits longer than the server lets a connection be silent must not be cut, and charged for leaving. */
import { describe, expect, test } from 'bun:test'
import type { Gate } from '../../src/gate/gate.ts'
import { openBodyMemoryBudget } from '../../src/lib/body-memory-budget.ts'
import { type CallProxy, openProxy } from '../../src/proxy/proxy.ts'
import { testConfig } from '../support/test-config.ts'

const silentSeconds = 255

/** A proxy whose gate admits every call and reserves nothing; `allowed` has the idle timeouts that it set. */
function proxyThatWaits(timeoutMs: number): { proxy: CallProxy; allowed: number[] } {
  const config = testConfig({ routes: { search: { timeoutMs } } }, 'http://127.0.0.1:1')
  const allowed: number[] = []
  const price = config.routes.search?.price
  const gate = {
    authorize: async () => ({ ok: true, authorized: { price, key: { accountId: 'a' } } }),
    begin: () => () => {},
    takePermit: async () => ({ ok: true, permit: { limits: [] }, rateLimit: {} }),
    takeTokens: async () => ({ ok: true, tokens: undefined }),
    returnPermit: async () => {},
    reserve: async () => {
      expect(allowed.length).toBe(timeoutMs > 225_000 ? 1 : 0)
      return { ok: false, refusal: { code: 'insufficient_credits', detail: '' } }
    },
  } as unknown as Gate
  const unused = (() => {
    throw new Error('not reached')
  }) as never
  const idleTimeout = {
    seconds: silentSeconds,
    set: (_: Request, seconds: number) => void allowed.push(seconds),
  }
  const refusedCalls = { count() {} }
  const freeCalls = { count: unused, flush: unused, close: unused }
  const storedResponses = { store: unused, read: unused, replayed: unused }
  const proxy = openProxy({
    ...{ config, gate, idleTimeout, freeCalls, refusedCalls, storedResponses, upstreams: {} },
    newBodyMemory: openBodyMemoryBudget(1_000_000),
    letLeave: unused,
    log: unused,
  })
  return { proxy, allowed }
}

async function call(proxy: CallProxy, body: string): Promise<number> {
  const headers = { 'content-type': 'application/json' }
  const request = new Request('http://gateway.test/v1/search', { method: 'POST', headers, body })
  return (await proxy.handle(request)).status
}

describe('the connection of a call', () => {
  test('may be silent while a slow upstream works, and not longer', async () => {
    const { proxy, allowed } = proxyThatWaits(600_000)
    expect(await call(proxy, '{"query":"q"}')).toBe(402)
    expect(allowed).toEqual([0, silentSeconds])
  })

  test('may not be while its body is awaited', async () => {
    const { proxy, allowed } = proxyThatWaits(600_000)
    expect(await call(proxy, '{}')).toBe(400)
    expect(allowed).not.toContain(0)
  })

  test('is left alone where the upstream must be faster', async () => {
    const { proxy, allowed } = proxyThatWaits(30_000)
    expect(await call(proxy, '{"query":"q"}')).toBe(402)
    expect(allowed).toEqual([])
  })
})
