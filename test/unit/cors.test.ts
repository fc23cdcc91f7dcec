/** Pages of other origins: the preflight request, and the headers that they may read. */
import { describe, expect, test } from 'bun:test'
import { type AppDeps, createApp } from '../../src/server/app.ts'
import { chatConfig } from '../support/chat.ts'
import { testConfig } from '../support/test-config.ts'

const app = createApp({
  ...{ config: testConfig(), system: {}, calls: { customer: {} }, management: {}, log: () => {} },
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

describe('a page that asks for headers', () => {
  async function allowed(asked: string, deps: Partial<AppDeps> = {}): Promise<string | null> {
    const one = createApp({
      ...{
        config: testConfig(),
        system: {},
        calls: { customer: {} },
        management: {},
        log: () => {},
      },
      ...{ corsOrigins: ['https://shop.example'], ...deps },
    } as unknown as AppDeps)
    const preflight = new Request('http://gateway.test/v1/search', {
      method: 'OPTIONS',
      headers: {
        ...{ origin: 'https://shop.example', 'access-control-request-method': 'POST' },
        'access-control-request-headers': asked,
      },
    })
    const { headers } = await one.handle(preflight)
    return headers.get('access-control-allow-headers')
  }
  const ofClient = 'authorization,content-type,x-stainless-arch,x-stainless-never-seen-before'

  test('gets those that a provider whose API is sold has its clients send, whatever they are called', async () => {
    const config = testConfig(chatConfig())
    const asked = `${ofClient},openai-project,x-other`
    expect(await allowed(asked, { config })).toBe(
      `${ofClient},openai-project`.replaceAll(',', ', '),
    )
  })

  test('gets none of these where no such API is sold', async () => {
    expect(await allowed(ofClient)).toBe('authorization, content-type')
  })

  test('gets what the operator allows, in any case', async () => {
    const corsHeaders = ['X-App-*', 'traceparent']
    const asked = 'x-app-version,X-APP-Id,traceparent,x-apple,tracestate'
    expect(await allowed(asked, { corsHeaders })).toBe('x-app-version, X-APP-Id, traceparent')
    expect(await allowed('anything, at-all', { corsHeaders: ['*'] })).toBe('anything, at-all')
  })
})
