/** A gateway whose Redis dies: it goes on within its share of the limits, says so, and charges as ever. */
import { expect, test } from 'bun:test'
import { startRedis } from '../support/redis.ts'
import { openShop } from '../support/shop.ts'
import { until } from '../support/until.ts'

const plan = {
  ...{ rateLimit: 10, windowMs: 1_000, credits: 1_000, maxInFlight: 10 },
  ...{ endpoints: 'all', fee: { minorUnits: 0, currency: 'EUR' } },
}

test.skipIf(!Bun.which('redis-server'))('responses say that local rate limits apply', async () => {
  const redis = await startRedis()
  const config = { gateways: 2, plans: { brief: plan } }
  const shop = await openShop({ config, redisUrl: redis.url })
  const key = await shop.newKey('brief')
  const search = () => shop.post('/v1/search', { query: 'q' }, { key: key.text })
  const isDegraded = (response: Response) => response.headers.get('x-ratelimit-degraded') === 'true'
  try {
    // A Redis that has just begun is believed when it has remembered for a whole window.
    await until(async () => !isDegraded(await search()))
    await redis.kill('SIGKILL')
    await until(async () => isDegraded(await search()))
    const charged = await untilStatus(search, 200)
    expect(charged.headers.get('x-ratelimit-limit')).toBe('5')
    expect(charged.headers.get('x-credits-charged')).toBe('1')
    const refusal = await untilStatus(search, 429)
    expect(refusal.headers.get('ratelimit-policy')).toBe('"default";q=5;w=1')
    expect(isDegraded(refusal)).toBe(true)

    const again = await startRedis(redis.port)
    await until(async () => !isDegraded(await search()))
    await again.stop()
  } finally {
    await redis.stop()
    await shop.close()
  }
})

/** Calls until a response has this status. */
async function untilStatus(call: () => Promise<Response>, status: number): Promise<Response> {
  for (;;) {
    const response = await call()
    if (response.status === status) return response
  }
}
