/**
 * A Bun proxy that does nothing but pass requests on: no keys, no limits, no bills. The gateway can
 * at best be as fast as this. `--stream` pipes bodies instead of collecting them first.
 */

import { parseArgs } from 'node:util'
import { type Part, startScript } from './child.ts'

/** Starts the proxy in front of `target` (an origin) as a process of its own. */
export function startBareProxy(target: string, mode: 'buffered' | 'streamed'): Promise<Part> {
  const args = ['--target', target, ...(mode === 'streamed' ? ['--stream'] : [])]
  return startScript(import.meta.path, args)
}

/** Headers that speak of one connection only, or of a framing that is made anew. */
const connectionHeaders = [
  'connection',
  'keep-alive',
  'transfer-encoding',
  'content-length',
  'host',
]

async function forward(request: Request, target: string, stream: boolean): Promise<Response> {
  const { pathname, search } = new URL(request.url)
  const hasBody = request.body !== null
  const upstream = await fetch(target + pathname + search, {
    method: request.method,
    headers: withoutConnection(request.headers),
    body: hasBody ? (stream ? request.body : await request.arrayBuffer()) : null,
    redirect: 'manual',
    decompress: false,
    signal: request.signal,
  })
  return new Response(stream ? upstream.body : await upstream.arrayBuffer(), {
    status: upstream.status,
    headers: withoutConnection(upstream.headers),
  })
}

function withoutConnection(headers: Headers): Headers {
  const kept = new Headers(headers)
  for (const name of connectionHeaders) kept.delete(name)
  return kept
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: { target: { type: 'string' }, stream: { type: 'boolean', default: false } },
  })
  const { target, stream } = values
  if (!target) throw new Error('Usage: bun bench/parts/bare-proxy.ts --target URL [--stream]')
  const server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch: (request) => forward(request, target, stream),
  })
  console.log(server.url.origin)
}
