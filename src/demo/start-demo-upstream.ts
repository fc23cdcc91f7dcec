/**
 * Demo upstreams: they stand in for the upstreams of the shipped configuration, for a chat API and for any other. They are real HTTP
 * servers with the shapes of real ones, for a first start without any upstream and for tests. Every response has the
 * header `X-Demo-Service`, so that nobody mistakes it for the real thing.
 */

import { urlHost, withoutBrackets } from '../lib/url-host.ts'
import { anthropicRoutes } from './anthropic-routes.ts'
import { anythingHandler } from './anything-routes.ts'
import { chatRoutes } from './chat-routes.ts'
import { type ExecutedCalls, openExecutedCalls } from './executed-calls.ts'
import { geminiRoutes } from './gemini-routes.ts'
import type { Handler, Routes } from './http.ts'
import { searchRoutes } from './search-routes.ts'
import { sttRoutes } from './stt-routes.ts'
import { ttsRoutes } from './tts-routes.ts'

export const demoUpstreamNames = ['search', 'stt', 'tts', 'chat', 'anything'] as const
export type DemoUpstreamName = (typeof demoUpstreamNames)[number]

export interface DemoUpstream {
  /** The origin, without a slash at its end, such as `http://127.0.0.1:3021`. */
  readonly url: string
  /** Stops at once, and breaks open connections off. */
  stop(): Promise<void>
}

/**
 * Starts one demo upstream, by default on a free port of the loopback. Throws when the port is taken. GET /_demo/calls
 * returns the calls that it executed as `{count, calls}`, newest last; with `?count=1`, `{count}` alone.
 */
export function startDemoUpstream(
  name: DemoUpstreamName,
  options: { readonly port?: number; readonly hostname?: string } = {},
): DemoUpstream {
  const { port = 0 } = options
  const hostname = withoutBrackets(options.hostname ?? '127.0.0.1')
  const handle = name === 'anything' ? anythingHandler() : handlerOf(routesOf(name))
  const executed = openExecutedCalls()
  const server = Bun.serve({
    port,
    hostname,
    async fetch(request) {
      const url = new URL(request.url)
      const response =
        url.pathname === '/_demo/calls'
          ? listExecuted(executed, url)
          : await respondAndRecord(handle, executed, request, url)
      response.headers.set('X-Demo-Service', name)
      return response
    },
  })
  return { url: `http://${urlHost(hostname)}:${server.port}`, stop: () => server.stop(true) }
}

function routesOf(name: Exclude<DemoUpstreamName, 'anything'>): Routes {
  switch (name) {
    case 'search':
      return searchRoutes()
    case 'stt':
      return sttRoutes
    case 'tts':
      return ttsRoutes
    case 'chat':
      return { ...chatRoutes, ...anthropicRoutes, ...geminiRoutes }
    default:
      return name satisfies never
  }
}

function listExecuted(executed: ExecutedCalls, url: URL): Response {
  const { count } = executed
  return Response.json(
    url.searchParams.has('count') ? { count } : { count, calls: executed.calls() },
  )
}

async function respondAndRecord(
  handle: Handler,
  executed: ExecutedCalls,
  request: Request,
  url: URL,
): Promise<Response> {
  const { method } = request
  const path = url.pathname
  const response = await respond(handle, request, url)
  const requestId = request.headers.get('X-Request-Id')
  executed.record({ requestId, method, path, status: response.status })
  return response
}

async function respond(handle: Handler, request: Request, url: URL): Promise<Response> {
  try {
    return await handle(request, url)
  } catch (error) {
    console.error('demo upstream:', error)
    return Response.json({ error: 'Internal Server Error' }, { status: 500 })
  }
}

function handlerOf(routes: Routes): Handler {
  return (request, url) => {
    const handler = routes[`${request.method} ${url.pathname}`]
    if (handler) return handler(request, url)
    const pathExists = Object.keys(routes).some((route) => route.split(' ')[1] === url.pathname)
    return pathExists
      ? Response.json({ error: 'Method Not Allowed' }, { status: 405 })
      : Response.json({ error: 'Not Found' }, { status: 404 })
  }
}
