/**
 * A management request is admitted by its head alone: nobody's body is read before the token, the role and the rate
 * limit have let the request in. The routes are the running app's own.
 */
import { afterAll, describe, expect, test } from 'bun:test'
import { signToken } from '../../src/http/auth/sign-token.ts'
import { type AppDeps, createApp } from '../../src/server/app.ts'
import { rawCall } from '../support/raw-client.ts'
import { openRawShop } from '../support/raw-shop.ts'
import { jwtSecret } from '../support/running-gateway.ts'
import { testConfig } from '../support/test-config.ts'
import { until } from '../support/until.ts'

/** Little more than a body that management takes: a second one finds no room beside what is left to others. */
const maxTotalBodyBytes = 85_000
const rawShop = await openRawShop({ config: { limits: { maxTotalBodyBytes } } })
afterAll(() => rawShop.close())
const { url } = rawShop.shop.gateway

/**
 * `POST /api-keys` and so on: every route of owners and operators whose method can have a body. Those of browsers' sessions take no
 * token, and have a test of their own (portal-sessions.test.ts).
 */
const routes = createApp({
  ...{ config: testConfig(), system: {}, calls: { customer: {} }, management: {}, corsOrigins: [] },
} as unknown as AppDeps)
  .routes.map(({ method, path }) => `${method} ${path}`)
  .filter((route) => /^(?!GET|ALL)\w+ \/(?!v1\/|docs|health|ready|portal)/.test(route))
  .sort()

/** The head of a request whose body is still to come. */
function head(route: string, ...lines: string[]): string {
  const target = route.replace(/:\w+/g, 'some-id')
  return [`${target} HTTP/1.1`, 'Host: g', ...lines, '', ''].join('\r\n')
}

async function bearer(subject: string, role?: string): Promise<string> {
  const token = await signToken({ secret: jwtSecret, subject, role, expiresInSeconds: 60 })
  return `Authorization: Bearer ${token}`
}

const json = 'Content-Type: application/json'
const length = (bytes: number) => `Content-Length: ${bytes}`

/** Heads of requests whose bodies would be refused, if they were looked at. */
const bodies: [what: string, lines: string[]][] = [
  ['a body that is still to come', [json, length(65_536)]],
  ['a body in chunks that are still to come', [json, 'Transfer-Encoding: chunked']],
  ['a body that would be too large', [json, length(10_000_000_000)]],
  ['a body of another type', ['Content-Type: text/plain', length(9)]],
  ['a compressed body', [json, 'Content-Encoding: gzip', length(9)]],
]

test('the app has management routes that take bodies', () => {
  expect(routes).toContain('POST /api-keys')
  expect(routes).toContain('POST /admin/accounts/:id/grants')
  expect(routes.length).toBeGreaterThan(9)
})

for (const route of routes) {
  describe(`${route} decides before it reads`, () => {
    for (const [what, lines] of bodies) {
      test(`${what}: 401 without a token, and with one that is not valid`, async () => {
        for (const credentials of [[], ['Authorization: Bearer a.b.c']]) {
          const call = rawCall(url, head(route, ...credentials, ...lines))
          await call.ended()
          call.socket.destroy()
          expect(call.status).toBe(401)
          expect(call.body.toString()).toContain('"code":"unauthorized"')
        }
      })

      test(`${what}: 403 for who may not change anything`, async () => {
        const auditor = await bearer('ada', 'auditor')
        const call = rawCall(url, head(route, auditor, ...lines))
        await call.ended()
        call.socket.destroy()
        expect(call.status).toBe(403)
      })
    }
  })
}

test('who is refused before the body can send it, and use the connection again', async () => {
  const body = JSON.stringify({ name: 'x'.repeat(10_000) })
  const refused = head('POST /api-keys', json, length(body.length)) + body
  const token = await bearer('again')
  const reply = await rawShop.send(refused, head('GET /api-keys', token))
  expect(reply.statuses).toEqual([401, 200])
})

describe('the bodies of management count in the memory budget', () => {
  test('503 for one too many, and 201 when there is room again', async () => {
    const body = '{"name":"Held"}'.padStart(60_000)
    const holder = rawCall(
      url,
      head('POST /api-keys', await bearer('held'), json, length(body.length)) + body.slice(0, -1),
    )
    const post = async () => {
      const text = '{"name":"Another"}'.padStart(10_000)
      const lines = [await bearer('another'), json, length(text.length)]
      const call = rawCall(url, head('POST /api-keys', ...lines) + text)
      await call.ended()
      call.socket.destroy()
      return call
    }
    let refused = await post()
    await until(async () => {
      refused = await post()
      return refused.status === 503
    })
    expect(refused.header('retry-after')).toBe('1')
    expect(refused.body.toString()).toContain('"code":"bodies_too_large"')
    expect(holder.status).toBeUndefined()

    holder.socket.write('}')
    await holder.ended()
    holder.socket.destroy()
    expect(holder.status).toBe(201)
    expect((await post()).status).toBe(201)
  })

  test('who leaves in the middle of a body frees its part', async () => {
    const text = head('POST /api-keys', await bearer('leaving'), json, length(60_000))
    const holder = rawCall(url, `${text}{"na`)
    const post = async () => {
      const small = '{"name":"After"}'.padStart(10_000)
      const lines = [await bearer('after'), json, length(small.length)]
      const call = rawCall(url, head('POST /api-keys', ...lines) + small)
      await call.ended()
      call.socket.destroy()
      return call.status
    }
    await until(async () => (await post()) === 503)
    holder.socket.destroy()
    await until(async () => (await post()) === 201)
  })
})
