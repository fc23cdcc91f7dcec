/** Pages of other origins: the preflight request, and the headers that they may read. */
import { expect, test } from 'bun:test'
import { type AppDeps, createApp } from '../../src/server/app.ts'
import { testConfig } from '../support/test-config.ts'

const app = createApp({
  ...{ config: testConfig(), system: {}, customer: {}, log: () => {} },
  corsOrigins: ['https://shop.example'],
} as unknown as AppDeps)

const ask = (method: string, path: string, headers: Record<string, string> = {}) =>
  app.handle(new Request(`http://gateway.test${path}`, { method, headers }))

test('a preflight lets a page send its key and an Idempotency-Key', async () => {
  const { status, headers } = await ask('OPTIONS', '/v1/search', {
    origin: 'https://shop.example',
    'access-control-request-method': 'POST',
    'access-control-request-headers': 'x-api-key, idempotency-key',
  })
  expect(status).toBe(204)
  expect(headers.get('access-control-allow-origin')).toBe('https://shop.example')
  const allowed = headers.get('access-control-allow-headers')?.toLowerCase() ?? ''
  for (const name of ['x-api-key', 'idempotency-key']) expect(allowed).toContain(name)
})

test('a page may read what the call cost and whether its response was replayed', async () => {
  const { headers } = await ask('GET', '/nope', { origin: 'https://shop.example' })
  const exposed = headers.get('access-control-expose-headers') ?? ''
  for (const name of ['X-Credits-Charged', 'Idempotent-Replayed']) expect(exposed).toContain(name)
})

test('an unknown path stays unknown with a configured origin', async () => {
  expect((await ask('GET', '/nope')).status).toBe(404)
  expect((await ask('PUT', '/health')).status).toBe(405)
})
