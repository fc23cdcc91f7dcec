import { expect, test } from 'bun:test'
import type { ObservedRequest } from '../../src/server/metrics/metrics.ts'
import { requestObserver } from '../../src/server/request-observer.ts'

const routes = [
  { method: 'GET', path: '/api-keys/:id' },
  { method: 'GET', path: '/api-keys/usage' },
  { method: 'POST', path: '/api-keys' },
  { method: 'GET', path: '/v1/key' },
  { method: 'ALL', path: '/v1/*' },
]

async function seenOf(method: string, path: string): Promise<Partial<ObservedRequest>[]> {
  const seen: ObservedRequest[] = []
  const answer = () => new Response(null, { status: 418, headers: { 'X-Request-Id': 'r1' } })
  const calls = { paths: new Set(['/v1/search']), handle: answer }
  const handle = requestObserver(answer, calls, routes, (request) => seen.push(request))
  await handle(new Request(`http://gateway${path}`, { method }))
  return seen.map(({ latencyMs, ...rest }) => rest)
}

const told = { status: 418, requestId: 'r1' }

test.each([
  ['GET', '/api-keys/key_1?x=1', { method: 'GET', route: '/api-keys/:id' }],
  ['GET', '/api-keys/usage', { method: 'GET', route: '/api-keys/usage' }],
  ['POST', '/api-keys', { method: 'POST', route: '/api-keys' }],
  ['GET', '/v1/key', { method: 'GET', route: '/v1/key' }],
  ['BREW', '/api-keys', { method: 'other', route: 'none' }],
  ['GET', '/api-keys/sk_live_1/x/y', { method: 'other', route: 'none' }],
])('%s %s is seen by its pattern', async (method, path, request) => {
  expect(await seenOf(method, path)).toEqual([{ ...request, ...told }])
})

test.each(['/v1/search', '/v1/search?query=x', '/v1/nothing'])(
  'a call to %s is left to the proxy to see',
  async (path) => expect(await seenOf('POST', path)).toEqual([]),
)
