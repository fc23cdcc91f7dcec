import { afterAll, describe, expect, test } from 'bun:test'
import { Elysia } from 'elysia'
import { openManagementCommands } from '../../src/ledger/commands/management-commands.ts'
import { connect } from '../../src/ledger/connect.ts'
import { freePort } from '../../src/postgres/free-port.ts'
import {
  appOn,
  type Json,
  managementOn,
  openTestApp,
  shippedConfig,
  token,
} from '../support/management-test-app.ts'
import fieldsByRoute from './fixtures/responses.json' with { type: 'json' }

const app = await openTestApp()
const { ask, get, issue } = app
afterAll(() => app[Symbol.asyncDispose]())

const ownerRoutes = [
  ...['POST /api-keys', 'GET /api-keys', 'GET /api-keys/:id', 'PATCH /api-keys/:id'],
  ...['DELETE /api-keys/:id', 'POST /api-keys/:id/regenerate', 'GET /api-keys/:id/usage'],
  ...['GET /api-keys/:id/usage/summary', 'GET /api-keys/:id/events', 'GET /account'],
  ...['GET /account/balance', 'GET /account/statements/:month'],
]
const readerRoutes = [
  ...['GET /admin/api-keys', 'GET /admin/api-keys/:id', 'GET /admin/accounts/:id'],
  ...['GET /admin/usage/summary', 'GET /admin/usage/top-users', 'GET /admin/events'],
]
const adminRoutes = [
  ...['PATCH /admin/api-keys/:id', 'DELETE /admin/api-keys/:id', 'PATCH /admin/accounts/:id'],
  ...['POST /admin/accounts/:id/grants', 'POST /admin/accounts/:id/adjustments'],
  ...['POST /admin/charges/:id/refund'],
]
const allRoutes = [...ownerRoutes, ...readerRoutes, ...adminRoutes]

/** Method and path of a route, with an id for its parameters. */
function stepsOf(route: string, id = 'key_1'): [method: string, path: string] {
  const [method = '', path = ''] = route.split(' ')
  return [method, path.replace(':id', id).replace(':month', '2030-06')]
}

describe('without permission', () => {
  for (const route of allRoutes) {
    test(`401 without a sign-in at ${route}`, async () => {
      const response = await ask(undefined, ...stepsOf(route))
      expect(response.status).toBe(401)
      expect(await response.json()).toMatchObject({ code: 'unauthorized' })
    })
  }

  for (const route of [...readerRoutes, ...adminRoutes]) {
    test(`403 for an owner at ${route}`, async () => {
      expect((await ask('owner', ...stepsOf(route))).status).toBe(403)
    })
  }

  for (const route of adminRoutes) {
    test(`403 for an auditor at ${route}`, async () => {
      expect((await ask('auditor', ...stepsOf(route))).status).toBe(403)
    })
  }
})

describe('programs of the replaced service', () => {
  for (const [route, fields] of Object.entries(fieldsByRoute)) {
    test(`find the fields they need in the response to ${route}`, async () => {
      const key = await issue('user-1')
      const [method, path] = stepsOf(route, key.id)
      const body = { POST: route.endsWith('keys') ? { name: 'x' } : undefined, PATCH: {} }[method]
      const who = path.startsWith('/admin') ? 'admin' : 'user-1'
      expect(Object.keys(await get(who, method, path, body)).sort()).toEqual(fields.sort())
    })
  }

  test('find status and message in every refusal', async () => {
    const problem = (await (await ask('user-1', 'GET', '/api-keys/key_none')).json()) as Json
    expect(problem).toMatchObject({ statusCode: 404, message: problem.detail })
  })
})

describe('a body that cannot be read', () => {
  async function send(body: BodyInit, type = 'application/json', path = '/api-keys') {
    const headers = { authorization: `Bearer ${await token('sender')}`, 'content-type': type }
    return app.handle(new Request(`http://localhost${path}`, { method: 'POST', headers, body }))
  }

  const bodies: [what: string, body: BodyInit][] = [
    ['nothing', ''],
    ['half an object', '{"name":'],
    ['a list', '[]'],
    ['null', 'null'],
    ['a text', '"name"'],
    ['no UTF-8', new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])],
    ['a lone surrogate, escaped', '{"name":"\\ud800"}'],
    ['NUL, escaped', '{"name":"\\u0000"}'],
    ['NUL in the name of a field', '{"name":"x","a\\u0000":1}'],
    ['a prototype', '{"name":"x","__proto__":{"tier":"pro"}}'],
    ['a constructor', '{"name":"x","constructor":1}'],
    ['a number too large', '{"name":"x","monthlyCredits":1e999}'],
    ['what is nested too deep', `{"name":${'['.repeat(30_000)}${']'.repeat(30_000)}}`],
  ]
  for (const [what, body] of bodies) {
    test(`400: ${what}`, async () => {
      const response = await send(body)
      expect(response.status).toBe(400)
      expect(await response.json()).toMatchObject({ code: 'invalid_request', errors: [{}] })
    })
  }

  test('413: a body that is too large, announced or not', async () => {
    const text = JSON.stringify({ name: 'x'.repeat(100_000) })
    const stream = new Blob([text]).stream()
    for (const body of [text, stream]) expect((await send(body)).status).toBe(413)
  })

  test('415: another type than JSON', async () => {
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data']) {
      expect((await send('{"name":"x"}', type)).status).toBe(415)
    }
    expect((await send('{"name":"x"}', 'application/json; charset=utf-8')).status).toBe(201)
  })
})

describe('an unknown route', () => {
  test('404 for an unknown path, for every client', async () => {
    for (const path of ['/', '/nope', '/admin', '/admin/api-keys/a/b', '/api-keys//usage']) {
      const response = await ask(undefined, 'GET', path)
      expect([path, response.status]).toEqual([path, 404])
      expect(await response.json()).toMatchObject({ code: 'not_found' })
    }
  })

  test('405 for a method that a path does not take, with the methods that it takes', async () => {
    const response = await ask('owner', 'PUT', '/api-keys/key_1')
    expect(response.status).toBe(405)
    expect(response.headers.get('allow')).toBe('DELETE, GET, PATCH')
  })
})

describe('what is not the client’s fault', () => {
  test('503 while the ledger cannot be reached', async () => {
    const nowhere = `postgres://nobody@127.0.0.1:${await freePort()}/none`
    const sql = connect({ url: nowhere, as: 'management', max: 1 })
    const logged: unknown[] = []
    const management = managementOn(
      { sql, commands: openManagementCommands(sql, 'test') },
      shippedConfig,
    )
    const cutOff = appOn({ management, sql, log: (...entry) => logged.push(entry) })
    for (const path of ['/api-keys', '/account/balance', '/admin/events']) {
      const headers = { authorization: `Bearer ${await token('admin')}` }
      const response = await cutOff.handle(new Request(`http://localhost${path}`, { headers }))
      expect([path, response.status]).toEqual([path, 503])
      expect(response.headers.get('retry-after')).toBe('5')
      expect(await response.json()).toMatchObject({ code: 'ledger_unavailable' })
    }
    expect(logged).toHaveLength(3)
    await sql.end()
  })

  test('500 that does not say what happened; the log has the error', async () => {
    const logged: unknown[] = []
    const secretive = Object.assign(new Error('select secret from table'), { code: 'VALIDATION' })
    const pageOfKeys = () => Promise.reject(secretive)
    const broken = appOn({
      management: { ...app.management, pageOfKeys },
      sql: app.ledger.sql,
      log: (_, error) => logged.push(error),
    })
    const headers = { authorization: `Bearer ${await token('owner')}` }
    const response = await broken.handle(new Request('http://localhost/api-keys', { headers }))
    expect(response.status).toBe(500)
    const text = await response.text()
    expect(JSON.parse(text)).toMatchObject({ code: 'internal', detail: 'The gateway failed.' })
    expect(text).not.toContain('secret')
    expect(logged).toEqual([secretive])
  })
})

test('the plugin in another app refuses with the same responses', async () => {
  const log = () => {}
  const mounted = new Elysia({ normalize: false }).use(
    appOn({ management: app.management, sql: app.ledger.sql, log }),
  )
  const headers = {
    authorization: `Bearer ${await token('owner')}`,
    'content-type': 'application/json',
  }
  for (const body of ['{"name":"x","nmae":"y"}', '{"name":', '{"name":"nul \\u0000"}']) {
    const request = { method: 'POST', headers, body }
    const response = await mounted.handle(new Request('http://localhost/api-keys', request))
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({ code: 'invalid_request' })
  }
})

test('every response has the id of its request and may not be cached', async () => {
  for (const path of ['/api-keys', '/api-keys/key_none', '/nope']) {
    const response = await ask('owner', 'GET', path)
    expect(response.headers.get('x-request-id')).toMatch(/^[\da-f-]{36}$/)
    expect(response.headers.get('cache-control')).toBe('no-store')
  }
})

test('the gateway warned of nothing', () => {
  expect(app.logged).toEqual([])
})
