/**
 * Demo stand-ins for the upstream services of the shipped configuration, and for a chat service: real HTTP
 * servers with the real shapes, for a first run without any service and for the tests. Every response says
 * `X-Demo-Service`, so that nobody takes one for the real thing.
 */

import { chatRoutes } from './chat.ts'
import { createLedger, type Ledger } from './executed-calls.ts'
import type { Routes } from './http.ts'
import { searchRoutes } from './search.ts'
import { sttRoutes } from './stt.ts'
import { ttsRoutes } from './tts.ts'

export const demoServiceNames = ['search', 'stt', 'tts', 'chat'] as const
export type DemoServiceName = (typeof demoServiceNames)[number]

export interface DemoService {
  /** Origin without a slash at the end, as in `http://127.0.0.1:3021`. */
  readonly url: string
  /** Ends at once, cutting open connections. */
  stop(): Promise<void>
}

/**
 * Starts one demo service, on a free port of the loopback unless told otherwise. Throws when the
 * port is taken. What it executed is listed at GET /_demo/calls as `{count, calls}`, newest last;
 * `?count=1` answers `{count}` alone.
 */
export function startDemoService(
  name: DemoServiceName,
  options: { readonly port?: number; readonly hostname?: string } = {},
): DemoService {
  const { port = 0, hostname = '127.0.0.1' } = options
  const routes = routesOf(name)
  const ledger = createLedger()
  const server = Bun.serve({
    port,
    hostname,
    async fetch(request) {
      const url = new URL(request.url)
      const response =
        url.pathname === '/_demo/calls'
          ? readLedger(ledger, url)
          : await answerAndRecord(routes, ledger, request, url)
      response.headers.set('X-Demo-Service', name)
      return response
    },
  })
  return { url: `http://${hostname}:${server.port}`, stop: () => server.stop(true) }
}

/** Starts all of them on free ports of the loopback. */
export function startDemoServices(): Record<DemoServiceName, DemoService> {
  return {
    search: startDemoService('search'),
    stt: startDemoService('stt'),
    tts: startDemoService('tts'),
    chat: startDemoService('chat'),
  }
}

function routesOf(name: DemoServiceName): Routes {
  switch (name) {
    case 'search':
      return searchRoutes()
    case 'stt':
      return sttRoutes
    case 'tts':
      return ttsRoutes
    case 'chat':
      return chatRoutes
    default:
      return name satisfies never
  }
}

function readLedger(ledger: Ledger, url: URL): Response {
  const { count } = ledger
  return Response.json(url.searchParams.has('count') ? { count } : { count, calls: ledger.calls() })
}

async function answerAndRecord(
  routes: Routes,
  ledger: Ledger,
  request: Request,
  url: URL,
): Promise<Response> {
  const { method } = request
  const path = url.pathname
  const response = await answer(routes, request, url)
  const requestId = request.headers.get('X-Request-Id')
  ledger.record({ requestId, method, path, status: response.status })
  return response
}

async function answer(routes: Routes, request: Request, url: URL): Promise<Response> {
  const handler = routes[`${request.method} ${url.pathname}`]
  if (handler) {
    try {
      return await handler(request, url)
    } catch (error) {
      console.error('demo service:', error)
      return Response.json({ error: 'Internal Server Error' }, { status: 500 })
    }
  }
  const pathExists = Object.keys(routes).some((route) => route.split(' ')[1] === url.pathname)
  return pathExists
    ? Response.json({ error: 'Method Not Allowed' }, { status: 405 })
    : Response.json({ error: 'Not Found' }, { status: 404 })
}
