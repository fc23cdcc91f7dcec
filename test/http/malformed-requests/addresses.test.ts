/** The address of a client, and the keys that may be used from there. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test'
import { openRawShop, type RawShop } from '../../support/raw-shop.ts'

let rawShop: RawShop
beforeAll(async () => {
  rawShop = await openRawShop({ config: { trustedProxies: 2 } })
})
afterAll(() => rawShop.close())
afterEach(async () => {
  await rawShop.expectServes()
  rawShop.shop.upstream.respond(() => Response.json({ ok: true }))
})

/** A call with a key that may be used from these addresses, and these lines of X-Forwarded-For. */
async function call(allowedIps: string[], forwardedFor: readonly string[]) {
  const { text } = await rawShop.shop.newKey('pro', { allowedIps })
  const lines = forwardedFor.map((list) => `X-Forwarded-For: ${list}\r\n`).join('')
  const { statuses } = await rawShop.send(
    `POST /v1/search HTTP/1.1\r\nHost: g\r\nX-API-Key: ${text}\r\n${lines}` +
      'Content-Type: application/json\r\nContent-Length: 13\r\n\r\n{"query":"q"}',
  )
  const { executed } = rawShop.shop.upstream
  return { status: statuses[0], forwarded: executed.map(({ target }) => target), executed }
}

const proxy = '10.0.0.9'

describe('with two proxies of our own, 200 for the address that the outer proxy wrote:', () => {
  const allowed: [list: string, forwardedFor: string[]][] = [
    ['203.0.113.9', [`203.0.113.9, ${proxy}`]],
    ['203.0.113.9', ['203.0.113.9', proxy]],
    ['203.0.113.9', [`1.1.1.1, 203.0.113.9,${proxy}`]],
    ['203.0.113.0/24', [`203.0.113.255:4711, ${proxy}`]],
    ['203.0.113.0/24', [`::ffff:203.0.113.9, ${proxy}`]],
    ['203.0.113.0/24', [`::FFFF:cb00:7109, ${proxy}`]],
    ['::ffff:203.0.113.0/120', [`203.0.113.9, ${proxy}`]],
    ['2001:db8::/32', [`2001:DB8:0:0::1, ${proxy}`]],
    ['2001:db8::/32', [`[2001:db8::1]:443, ${proxy}`]],
    ['2001:db8::1/128', [`2001:0db8:0000:0000:0000:0000:0000:0001, ${proxy}`]],
    ['0.0.0.0/0', [`198.51.100.1, ${proxy}`]],
    ['::/0', [`2001:db8::1, ${proxy}`]],
  ]
  for (const [list, forwardedFor] of allowed) {
    test(`${forwardedFor.join(' | ')} is in ${list}`, async () => {
      const { status, forwarded, executed } = await call([list], forwardedFor)
      expect({ status, forwarded }).toEqual({ status: 200, forwarded: ['/api/v1/search'] })
      expect(executed[0]?.headers.has('x-forwarded-for')).toBe(false)
    })
  }
})

describe('403, and nothing is forwarded:', () => {
  const refused: [what: string, list: string, forwardedFor: string[]][] = [
    ['what the client wrote itself', '203.0.113.9', [`203.0.113.9, 198.51.100.1, ${proxy}`]],
    ['the same in a line of its own', '203.0.113.9', ['203.0.113.9', `198.51.100.1, ${proxy}`]],
    ['the address of the inner proxy', proxy, [`198.51.100.1, ${proxy}`]],
    ['a chain that is too short', '203.0.113.9', ['203.0.113.9']],
    ['an address outside of the range', '203.0.113.0/25', [`203.0.113.128, ${proxy}`]],
    ['an IPv6 address outside of the range', '2001:db8::/33', [`2001:db8:8000::1, ${proxy}`]],
    ['IPv6 on a list for all of IPv4', '0.0.0.0/0', [`2001:db8::1, ${proxy}`]],
    ['IPv4 on a list for all of IPv6', '2000::/3', [`198.51.100.1, ${proxy}`]],
    ['no address', '203.0.113.0/24', [`203.0.113.9.evil.test, ${proxy}`]],
    ['octal', '203.0.113.0/24', [`0313.0.0161.011, ${proxy}`]],
    ['a number', '203.0.113.0/24', [`3405803785, ${proxy}`]],
  ]
  for (const [what, list, forwardedFor] of refused) {
    test(what, async () => {
      const { status, forwarded } = await call([list], forwardedFor)
      expect({ status, forwarded }).toEqual({ status: 403, forwarded: [] })
    })
  }
})

test('a list as long as a head can be is read from its end', async () => {
  const list = `${'1.1.1.1,'.repeat(1_500)}203.0.113.9,${proxy}`
  expect((await call(['203.0.113.9'], [list])).status).toBe(200)
})

describe('other headers that name addresses are ignored:', () => {
  for (const header of [
    'Forwarded: for=203.0.113.9',
    'X-Real-IP: 203.0.113.9',
    'X-Client-IP: 203.0.113.9',
  ]) {
    test(header, async () => {
      const { text } = await rawShop.shop.newKey('pro', { allowedIps: ['203.0.113.9'] })
      const { statuses } = await rawShop.send(
        `POST /v1/search HTTP/1.1\r\nHost: g\r\nX-API-Key: ${text}\r\n${header}\r\n` +
          'Content-Type: application/json\r\nContent-Length: 13\r\n\r\n{"query":"q"}',
      )
      expect(statuses).toEqual([403])
      expect(rawShop.shop.upstream.executed).toEqual([])
    })
  }
})
