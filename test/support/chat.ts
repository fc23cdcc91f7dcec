/** A chat upstream that is sold by the token: its route, and streams as it sends them. */
import { readFileSync } from 'node:fs'
import { parse } from 'yaml'
import { shippedConfigFile } from '../../src/config/load-config.ts'
import { dataOf, eventSplitter } from '../../src/proxy/metering/event-stream.ts'
import type { RawCall } from './raw-client.ts'
import type { ConfigChanges } from './test-config.ts'
import type { Upstream } from './upstream.ts'

/** One credit a token, held ten at a time; a request is a hundred bytes a token. */
export const tokenPrice = {
  ...{ per: 'token', unit: 1, credits: 1 },
  hold: { bytesPerToken: 100, limit: ['/max_tokens'], most: 50, step: 10 },
  settle: { usage: '/usage/total_tokens', each: ['/choices/0/delta/content'] },
}

/** A request for a stream; by that price it counts one token. */
export const chat = { model: 'm', messages: [{ role: 'user', content: 'x' }], stream: true }

type Section = Readonly<Record<string, Readonly<Record<string, unknown>>>>

/**
 * The routes that the shipped configuration shows in comments, to lay over it.
 * @param changes to the route `chat`
 */
export function chatConfig(changes: ConfigChanges = {}): ConfigChanges & { routes: object } {
  // In code that is commented out, the # is followed by no space or by an indentation; in prose by one space.
  const uncommented = readFileSync(shippedConfigFile, 'utf8').replaceAll(/^ {2}#(?! \S|$)/gm, '  ')
  const { services, routes } = parse(uncommented) as { services: Section; routes: Section }
  return {
    services: { chat: services.chat },
    routes: { models: routes.models, chat: { ...routes.chat, ...changes } },
  }
}

/** An event of a stream as the upstream sends it. */
export function event(data: unknown): string {
  return `data: ${typeof data === 'string' ? data : JSON.stringify(data)}\n\n`
}

/** So many events, each of which brings this text. */
export function tokens(count: number, content = 'a'): string {
  return event({ choices: [{ index: 0, delta: { content }, finish_reason: null }] }).repeat(count)
}

/** An event that says what was used. */
export function usage(total_tokens: number): string {
  return event({ choices: [], usage: { total_tokens } })
}

export const done = event('[DONE]')

/** A stream of the upstream that goes on as the test says. */
export function flow(upstream: Upstream, contentType = 'text/event-stream') {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>(undefined, {
    highWaterMark: 1_000,
  })
  const writer = writable.getWriter()
  upstream.respond(() => new Response(readable, { headers: { 'content-type': contentType } }))
  return {
    send: (text: string) => writer.write(new TextEncoder().encode(text)),
    end: () => writer.close(),
    breakOff: () => writer.abort(),
    /** Resolves when nobody reads any more. */
    abandoned: writer.closed.then(
      () => false,
      () => true,
    ),
  }
}

/** The data of the whole events that arrived. */
export function eventsIn({ body }: RawCall): (string | undefined)[] {
  return eventSplitter(1e9).push(body).map(dataOf)
}

/** How many events that bring a token arrived. */
export function tokensIn(call: RawCall): number {
  return eventsIn(call).filter((data) => data?.includes('"content"')).length
}
