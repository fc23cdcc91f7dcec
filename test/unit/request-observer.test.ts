import { expect, test } from 'bun:test'
import { dispatch } from '../../src/server/dispatch.ts'
import type { ObservedRequest } from '../../src/server/metrics/metrics.ts'
import { requestObserver } from '../../src/server/request-observer.ts'

const routes = [
  { method: 'GET', path: '/api-keys/:id' },
  { method: 'GET', path: '/api-keys/usage' },
  { method: 'POST', path: '/api-keys' },
  { method: 'GET', path: '/v1/key' },
  { method: 'ALL', path: '/v1/*' },
]

async function observedOf(method: string, path: string): Promise<Partial<ObservedRequest>[]> {
  const observed: ObservedRequest[] = []
  const handler = () => new Response(null, { status: 418, headers: { 'X-Request-Id': 'r1' } })
  const calls = { isKnown: (known: string) => known === '/v1/search', handle: handler }
  const app = requestObserver(handler, routes, (request) => observed.push(request))
  const handle = dispatch(calls, app)
  await handle(new Request(`http://gateway${path}`, { method }))
  return observed.map(({ latencyMs, ...rest }) => rest)
}

const response = { status: 418, requestId: 'r1' }

test.each([
  ['GET', '/api-keys/key_1?x=1', { method: 'GET', route: '/api-keys/:id' }],
  ['GET', '/api-keys/usage', { method: 'GET', route: '/api-keys/usage' }],
  ['POST', '/api-keys', { method: 'POST', route: '/api-keys' }],
  ['GET', '/v1/key', { method: 'GET', route: '/v1/key' }],
  ['BREW', '/api-keys', { method: 'other', route: 'none' }],
  ['GET', '/api-keys/sk_live_1/x/y', { method: 'other', route: 'none' }],
])('%s %s is observed by its pattern', async (method, path, request) => {
  expect(await observedOf(method, path)).toEqual([{ ...request, ...response }])
})

test.each(['/v1/search', '/v1/search?query=x', '/v1/nothing'])(
  'a call to %s is left to the proxy',
  async (path) => expect(await observedOf('POST', path)).toEqual([]),
)
