import { beforeEach, describe, expect, test } from 'bun:test'
import { Elysia, t } from 'elysia'
import { defaults } from '../../src/config/defaults.ts'
import { openInProcessLimiter } from '../../src/gate/rate-limit/in-process-limiter.ts'
import { openAuth } from '../../src/http/auth/auth.ts'
import { authPlugin } from '../../src/http/auth/auth-plugin.ts'
import { openManagementRateLimit } from '../../src/http/auth/management-rate-limit.ts'
import { signToken } from '../../src/http/auth/sign-token.ts'
import { errorHandler } from '../../src/http/errors/error-handler.ts'
import { managementBodyReader } from '../../src/http/management-body.ts'
import { openBodyMemoryBudget } from '../../src/lib/body-memory-budget.ts'

const secret = 'a secret of at least thirty-two bytes'
const auth = openAuth({
  jwtSecret: secret,
  adminUserIds: [],
  adminRole: 'admin',
  auditorRole: 'auditor',
  supportRole: 'support',
  readerRole: 'reader',
  organisationClaim: 'org',
  roleClaim: 'scope',
})
const newBodyMemory = openBodyMemoryBudget(1_000_000)
/** Who was refused, and what their refusals wait for. */
const refused: string[] = []
let due: Promise<void> = Promise.resolve()
const plugin = authPlugin({
  auth,
  operatorKeys: { authenticate: async () => undefined },
  sessions: { authenticate: async () => undefined },
  ipOf: () => '192.0.2.1',
  awaitRefusal(client) {
    refused.push(client)
    return due
  },
  rateLimit: openManagementRateLimit(openInProcessLimiter(), defaults.limits),
  readBody: managementBodyReader({ maxSeconds: 60, newBodyMemory }),
})
const app = new Elysia()
  .onError(errorHandler({ requestIdOf: () => 'request-1', log() {}, routes: () => [] }))
  .use(plugin)
  .get('/open', () => 'open')
  .get('/owner', ({ principal }) => principal, { signedIn: 'owner' })
  .get('/operator', ({ principal }) => principal, { signedIn: 'operator' })
  .get('/support', ({ principal }) => principal, { signedIn: 'support' })
  .get('/admin', ({ principal }) => principal, { signedIn: 'admin' })
  .post('/change', ({ principal }) => principal, { signedIn: 'support' })
  .post('/named', ({ principal, body }) => ({ by: principal.subject, name: body.name }), {
    signedIn: 'owner',
    body: t.Object({ name: t.String() }),
  })

async function call(path: string, role?: string, body?: string) {
  const roleClaim = 'scope'
  const token =
    role && (await signToken({ secret, subject: 'user-1', role, roleClaim, expiresInSeconds: 60 }))
  const headers = new Headers({ 'content-type': 'application/json' })
  if (token) headers.set('authorization', `Bearer ${token}`)
  const init = body === undefined ? { headers } : { method: 'POST', headers, body }
  return app.handle(new Request(`http://localhost${path}`, init))
}

describe('a guarded route', () => {
  const cases: [path: string, role: string | undefined, status: number][] = [
    ['/open', undefined, 200],
    ['/owner', undefined, 401],
    ['/owner', 'customer', 200],
    ['/owner', 'auditor', 200],
    ['/owner', 'admin', 200],
    ['/owner', 'reader', 200],
    ['/owner', 'support', 200],
    ['/operator', undefined, 401],
    ['/operator', 'customer', 403],
    ['/operator', 'reader', 403],
    ['/operator', 'auditor', 200],
    ['/operator', 'support', 200],
    ['/operator', 'admin', 200],
    ['/support', undefined, 401],
    ['/support', 'reader', 403],
    ['/support', 'auditor', 403],
    ['/support', 'support', 200],
    ['/support', 'admin', 200],
    ['/admin', 'support', 403],
    ['/admin', undefined, 401],
    ['/admin', 'customer', 403],
    ['/admin', 'auditor', 403],
    ['/admin', 'admin', 200],
  ]
  for (const [path, role, status] of cases) {
    test(`${path} responds ${status} to ${role ?? 'nobody'}`, async () => {
      expect((await call(path, role)).status).toBe(status)
    })
  }

  test('gives its handler the principal', async () => {
    expect(await (await call('/admin', 'admin')).json()).toEqual({
      subject: 'user-1',
      role: 'admin',
    })
    const named = await call('/named', 'customer', '{"name":"x"}')
    expect(await named.json()).toEqual({ by: 'user-1', name: 'x' })
  })

  test('refuses with a problem document and a challenge', async () => {
    const response = await call('/owner')
    expect(response.headers.get('content-type')).toBe('application/problem+json')
    expect(response.headers.get('www-authenticate')).toStartWith('Bearer')
    expect(await response.json()).toMatchObject({ code: 'unauthorized', requestId: 'request-1' })
    expect(await (await call('/admin', 'auditor')).json()).toMatchObject({ code: 'forbidden' })
  })

  test('lets an auditor change nothing, not even as an owner', async () => {
    expect((await call('/named', 'auditor', '{"name":"x"}')).status).toBe(403)
  })

  test('lets an operator who is a reader, too, change nothing as an owner, and read', async () => {
    for (const role of ['support', 'admin']) {
      expect((await call('/named', role, '{"name":"x"}')).status).toBe(200)
      expect((await call('/named', `${role} reader`, '{"name":"x"}')).status).toBe(403)
      expect((await call('/owner', `${role} reader`)).status).toBe(200)
      expect((await call('/change', `${role} reader`, '{}')).status).toBe(200)
    }
  })

  test('refuses who is not signed in before it reads the body', async () => {
    expect((await call('/named', undefined, '{"name":1}')).status).toBe(401)
    expect((await call('/named', 'customer', '{"name":1}')).status).toBe(400)
  })
})

test('concurrent clients keep their own principals', async () => {
  const subjects = Array.from({ length: 50 }, (_, index) => `user-${index}`)
  const replies = await Promise.all(
    subjects.map(async (subject) => {
      const token = await signToken({ secret, subject, expiresInSeconds: 60 })
      const headers = { authorization: `Bearer ${token}` }
      const response = await app.handle(new Request('http://localhost/owner', { headers }))
      return ((await response.json()) as { subject: string }).subject
    }),
  )
  expect(replies).toEqual(subjects)
})

describe('a refusal waits for its time', () => {
  beforeEach(() => {
    refused.length = 0
    due = Promise.resolve()
  })

  test('while others are admitted, and no body is read', async () => {
    const time = Promise.withResolvers<void>()
    due = time.promise
    let isRead = false
    const body = new ReadableStream(
      {
        pull() {
          isRead = true
        },
      },
      { highWaterMark: 0 },
    )
    let isOver = false
    const headers = { 'content-type': 'application/json' }
    const request = new Request('http://localhost/named', { method: 'POST', headers, body })
    const refusal = app.handle(request).finally(() => {
      isOver = true
    })
    expect((await call('/owner', 'customer')).status).toBe(200)
    expect([isOver, isRead]).toEqual([false, false])
    time.resolve()
    expect((await refusal).status).toBe(401)
    expect(isRead).toBe(false)
  })

  test('by the address of who is not signed in', async () => {
    await call('/owner')
    expect(refused).toEqual(['192.0.2.1'])
  })

  test('by the principal of who is, whether it is the role or the rate limit', async () => {
    await call('/admin', 'auditor')
    const statuses: number[] = []
    for (let n = 0; n <= defaults.limits.maxOwnerChangesPerMinute; n++) {
      statuses.push((await call('/named', 'customer', '{"name":1}')).status)
    }
    expect(statuses.at(-1)).toBe(429)
    expect([...new Set(refused)]).toEqual([
      expect.stringMatching(/^operator:acc_/),
      expect.stringMatching(/^acc_/),
    ])
  })

  test('and who is admitted waits for nothing', async () => {
    due = new Promise(() => {})
    expect((await call('/owner', 'admin')).status).toBe(200)
    expect(refused).toEqual([])
  })
})
