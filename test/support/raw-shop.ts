/** A shop, and whoever stands at its door with a bare socket: sends any bytes, and sees what becomes of them. */
import { expect } from 'bun:test'
import { type RawCall, rawCall } from './raw-client.ts'
import { openShop, type Shop } from './shop.ts'
import { until } from './until.ts'

export interface RawShop {
  readonly shop: Shop
  /** Sends these bytes, each part when the one before was answered, and waits for the last answer or the end. */
  send(...parts: readonly (string | Uint8Array)[]): Promise<RawReply>
  /** Sends these bytes and waits for the connection to be closed. */
  sendToTheEnd(bytes: string | Uint8Array): Promise<RawReply>
  /** Expects that a normal call is still sold, and that nothing failed unseen meanwhile. */
  expectServes(): Promise<void>
  close(): Promise<void>
}

/** What came back on a connection. */
export interface RawReply {
  /** Of every answer, in order; without those of `100 Continue`. */
  readonly statuses: readonly number[]
  /** Bodies of answers that are problem documents. */
  readonly codes: readonly string[]
  readonly text: string
  readonly closed: boolean
}

/** @param options as for `openShop`; its plan pro lets any number of calls in */
export async function openRawShop(options: Parameters<typeof openShop>[0] = {}): Promise<RawShop> {
  const { plans, ...config } = (options.config ?? {}) as { plans?: object }
  const shop = await openShop({
    ...options,
    config: { ...config, plans: { pro: { rateLimit: 1_000_000 }, ...plans } },
  })

  function hear(call: RawCall): RawReply {
    const heard = heardIn(call.received.toString('latin1'), call.closed)
    call.socket.destroy()
    return heard
  }

  return {
    shop,
    async send(first, ...others) {
      const call = rawCall(shop.gateway.url, first)
      await call.heard(1)
      for (const [index, part] of others.entries()) {
        if (!call.closed) call.socket.write(part)
        await call.heard(index + 2)
      }
      return hear(call)
    },
    async sendToTheEnd(bytes) {
      const call = rawCall(shop.gateway.url, bytes)
      await until(() => call.closed)
      return hear(call)
    },
    async expectServes() {
      shop.upstream.answer(() => Response.json({ ok: true }))
      expect((await shop.post('/v1/search', { query: 'still there' })).status).toBe(200)
      expect(shop.gateway.warnings).toEqual([])
    },
    close: () => shop.close(),
  }
}

function heardIn(text: string, closed: boolean): RawReply {
  const statuses = [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status))
  const codes = [...text.matchAll(/"code":"(\w+)"/g)].map(([, code]) => code ?? '')
  return { statuses: statuses.filter((status) => status !== 100), codes, text, closed }
}
