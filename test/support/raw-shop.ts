/** A shop, and a client with a bare socket: the client sends any bytes and sees what comes back. */
import { expect } from 'bun:test'
import { type RawCall, rawCall } from './raw-client.ts'
import { openShop, type Shop } from './shop.ts'
import { until } from './until.ts'

export interface RawShop {
  readonly shop: Shop
  /** Sends each part when there is a response to the part before; waits for the last response or the end. */
  send(...parts: readonly (string | Uint8Array)[]): Promise<RawReply>
  /** Sends these bytes and waits for the connection to be closed. */
  sendToTheEnd(bytes: string | Uint8Array): Promise<RawReply>
  /** Number of events, without leases and counts of calls, which are appended at any time. */
  size(): Promise<number>
  /** Expects that a normal call is still sold, and that the gateway warned of nothing meanwhile. */
  expectServes(): Promise<void>
  close(): Promise<void>
}

/** What came back on a connection. */
export interface RawReply {
  /** The status of every response, in order, without `100 Continue`. */
  readonly statuses: readonly number[]
  /** The code of every response that is a problem document. */
  readonly codes: readonly string[]
  readonly text: string
  readonly closed: boolean
}

/** @param options as for `openShop`; its plan pro has no rate limit to speak of, and no call leaves a lease behind */
export async function openRawShop(options: Parameters<typeof openShop>[0] = {}): Promise<RawShop> {
  const { plans, ...config } = (options.config ?? {}) as { plans?: object }
  const shop = await openShop({
    ...options,
    dedicatedHolds: true,
    config: { ...config, plans: { pro: { rateLimit: 1_000_000 }, ...plans } },
  })

  function replyOf(call: RawCall): RawReply {
    const reply = parseReply(call.received.toString('latin1'), call.closed)
    call.socket.destroy()
    return reply
  }

  return {
    shop,
    async send(first, ...others) {
      const call = rawCall(shop.gateway.url, first)
      await call.responses(1)
      for (const [index, part] of others.entries()) {
        if (!call.closed) call.socket.write(part)
        await call.responses(index + 2)
      }
      return replyOf(call)
    },
    async sendToTheEnd(bytes) {
      const call = rawCall(shop.gateway.url, bytes)
      await until(() => call.closed)
      return replyOf(call)
    },
    async size() {
      const [row] = await shop.ledger.sql<[{ size: number }]>`
        select count(*)::integer as size from events
        where slots is null and type not in ('CallsCounted', 'CallsRefused')`
      return row.size
    },
    async expectServes() {
      shop.upstream.respond(() => Response.json({ ok: true }))
      expect((await shop.post('/v1/search', { query: 'still there' })).status).toBe(200)
      expect(shop.gateway.warnings).toEqual([])
    },
    close: () => shop.close(),
  }
}

function parseReply(text: string, closed: boolean): RawReply {
  const statuses = [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status))
  const codes = [...text.matchAll(/"code":"(\w+)"/g)].map(([, code]) => code ?? '')
  return { statuses: statuses.filter((status) => status !== 100), codes, text, closed }
}
