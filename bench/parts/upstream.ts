/**
 * The upstream that everything is measured in front of: it answers every request with the same
 * 463 bytes of JSON, so that what is measured is the way there and back.
 */

import { type Part, startScript } from './child.ts'

export const upstreamBody = bodyOf(463)

/** Starts the upstream as a process of its own, on a free port of the loopback. */
export function startUpstream(): Promise<Part> {
  return startScript(import.meta.path)
}

/** A search answer with one result, filled up to exactly this many bytes. */
function bodyOf(bytes: number): string {
  const withSnippet = (snippet: string) =>
    JSON.stringify({
      results: [{ url: 'https://example.com/', title: 'A result', snippet, engine: 'bench' }],
      meta: { query: 'bench', totalResults: 1, engines: ['bench'], duration: 0, cached: false },
    })
  return withSnippet('x'.repeat(bytes - withSnippet('').length))
}

if (import.meta.main) {
  const body = new TextEncoder().encode(upstreamBody)
  const headers = { 'Content-Type': 'application/json' }
  const server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch: () => new Response(body, { headers }),
  })
  console.log(server.url.origin)
}
