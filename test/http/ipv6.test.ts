/** Whatever has an address can have one of IPv6: gateways, metrics, upstreams, clients, and what keys allow. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { networkInterfaces } from 'node:os'
import { clientIp, invalidIpEntries, ipAllowed } from '../../src/gate/authorize/client-ip.ts'
import { startCli } from '../support/cli.ts'
import { openShop, type Shop } from '../support/shop.ts'
import { until } from '../support/until.ts'

const addresses = Object.values(networkInterfaces()).flatMap((each) => each ?? [])
const hasIpv6 = addresses.some(({ address }) => address === '::1')

describe.skipIf(!hasIpv6)('on a machine with IPv6', () => {
  const asked: string[] = []
  let upstream: ReturnType<typeof Bun.serve>
  let shop: Shop
  beforeAll(async () => {
    upstream = Bun.serve({
      ...{ hostname: '::1', port: 0 },
      fetch(request) {
        asked.push(
          `${request.method} ${request.headers.get('host')} ${new URL(request.url).pathname}`,
        )
        return Response.json({ results: [] })
      },
    })
    shop = await openShop({ hostname: '::1', upstreamUrl: `http://[::1]:${upstream.port}` })
  })
  afterAll(async () => {
    await shop?.close()
    await upstream?.stop(true)
  })

  test('a gateway prints an address that a program can use, and sells a call of an upstream there', async () => {
    expect(new URL(shop.gateway.url).hostname).toBe('[::1]')
    const response = await shop.post('/v1/search', { query: 'toll' })
    expect(response.status).toBe(200)
    expect(asked).toEqual([`POST [::1]:${upstream.port} /api/v1/search`])
    for (const path of ['/health', '/ready', '/docs/json', '/v1/key']) {
      expect([path, (await shop.fetch(path)).status]).toEqual([path, 200])
    }
  })

  test('its metrics have one, too', async () => {
    expect(new URL(shop.gateway.metricsUrl).hostname).toBe('[::1]')
    const metrics = await (await fetch(shop.gateway.metricsUrl)).text()
    expect(metrics).toContain('tollbook_')
  })

  test.each([
    ['::1', 200],
    ['0:0:0:0:0:0:0:1', 200],
    ['::/64', 200],
    ['2001:DB8::/32', 403],
    ['127.0.0.1', 403],
  ])('a key that allows %s is used from ::1 with status %i', async (allowed, status) => {
    const key = await shop.newKey('pro', { allowedIps: [allowed] })
    const response = await shop.post('/v1/search', { query: 'toll' }, { key: key.text })
    expect(response.status).toBe(status)
  })

  test.each([['::1'], ['[::1]']])('demo upstreams listen at %s, and print where', async (host) => {
    const ports = ['search', 'stt', 'tts', 'chat', 'anything'].flatMap((name) => [`--${name}`, '0'])
    const child = startCli(['demo', '--host', host, ...ports])
    let printed = ''
    const read = (async () => {
      for await (const chunk of child.stdout) printed += new TextDecoder().decode(chunk)
    })()
    await until(() => printed.includes('anything'))
    const urls = [...printed.matchAll(/at (http:\S+)/g)].map(([, url]) => url ?? '')
    expect(urls).toHaveLength(5)
    for (const url of urls) {
      expect(new URL(url).hostname).toBe('[::1]')
      expect((await fetch(url)).status).toBeGreaterThan(0)
    }
    child.kill()
    await read
  })
})

test.each([
  ['::1', '::1'],
  ['::ffff:192.0.2.7', '192.0.2.7'],
  ['[2001:DB8::0:1]:443', '2001:db8::1'],
  ['fe80::1%eth0', 'fe80::1'],
])('a client at %s is the client %s', (written, ip) => {
  expect(clientIp({ socketAddress: written, forwardedFor: null, trustedProxies: 0 })).toBe(ip)
  const forwarded = { socketAddress: '10.0.0.1', forwardedFor: `x, ${written}`, trustedProxies: 1 }
  expect(clientIp(forwarded)).toBe(ip)
  expect(ipAllowed([ip], ip)).toBe(true)
})

test('addresses of IPv6 that are none are named', () => {
  const wrong = ['::1::', '[::1]', '::1/129', 'fe80::1%eth0', '12345::']
  expect(invalidIpEntries([...wrong, '::1', '2001:db8::/32'])).toEqual(wrong)
})
