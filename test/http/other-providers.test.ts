/** Routes that stand in for the Anthropic and the Gemini API, as examples/ sells them: what is charged, and what is refused. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { type DemoUpstream, startDemoUpstream } from '../../src/demo/start-demo-upstream.ts'
import { explainCall } from '../../src/reports/explain/explain-call.ts'
import { event, flow } from '../support/chat.ts'
import { openShop, type Shop } from '../support/shop.ts'
import type { ConfigChanges } from '../support/test-config.ts'

/** The example with the tests' upstream behind its routes. */
function example(name: string): ConfigChanges {
  const file = join(import.meta.dir, '../../examples', `${name}.yaml`)
  const { routes, schemas = {} } = parse(readFileSync(file, 'utf8'))
  const ours = Object.entries(routes as Record<string, object>).map(([id, route]) => [
    id,
    { ...route, service: 'chat', operationId: id },
  ])
  return { routes: Object.fromEntries(ours), schemas }
}

const [messages, gemini] = [example('messages'), example('gemini')]
const config: ConfigChanges = {
  services: { chat: { urlEnv: 'CHAT_SERVICE_URL', demo: 'chat' } },
  keyHeaders: ['X-Goog-Api-Key'],
  plans: { pro: { credits: 5_000_000, maxInFlight: 100 } },
  schemas: gemini.schemas,
  routes: { ...(messages.routes as object), ...(gemini.routes as object) },
}

let shop: Shop
let demo: DemoUpstream
let demoShop: Shop
beforeAll(async () => {
  shop = await openShop({ config, dedicatedHolds: true })
  demo = startDemoUpstream('chat')
  const { url } = demo
  demoShop = await openShop({ config, demoUrls: { chat: url, search: url, stt: url, tts: url } })
})
afterAll(async () => {
  await shop.close()
  await demoShop.close()
  await demo.stop()
})

const sse = (text: string) => () =>
  new Response(text, { headers: { 'content-type': 'text/event-stream' } })
const charged = (response: Response) => response.headers.get('x-credits-charged')

/** What the last event of a call says, which an explanation confirms. */
async function settlementOf(response: Response, of: Shop = shop) {
  const requestId = response.headers.get('x-request-id') ?? ''
  const events = await of.outcomeOf(requestId, 'HoldSettled')
  expect((await explainCall(of.ledger.sql, requestId))?.disagreements).toEqual([])
  return events.at(-1)
}

describe('messages of the Anthropic API', () => {
  const ask = { model: 'large', max_tokens: 400, messages: [{ role: 'user', content: 'Hi.' }] }
  const usage = {
    ...{ input_tokens: 70, cache_read_input_tokens: 30, cache_creation_input_tokens: 10 },
    ...{ output_tokens: 20, output_tokens_details: { thinking_tokens: 5 } },
  }
  const parts = { input: 70, cached: 30, cacheWrite: 10, output: 15, reasoning: 5 }
  /** 70 × 3 + 30 × 0.3 + 10 × 3.75 + 20 × 15 = 556.5 */
  const credits = 557

  const named = (data: { readonly type: string; readonly [name: string]: unknown }) =>
    `event: ${data.type}\n${event(data)}`
  const started = (said: object = usage) =>
    named({
      type: 'message_start',
      message: { type: 'message', content: [], usage: { ...said, output_tokens: 1 } },
    })
  const text = (words: string) =>
    named({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: words } })
  const ended = (said: object) =>
    named({ type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: said }) +
    named({ type: 'message_stop' })
  const stream = () => shop.post('/v1/messages', { ...ask, stream: true })

  test('are charged by what is read from the cache, written to it, said and thought', async () => {
    const content = [{ type: 'text', text: 'Hello.' }]
    shop.upstream.respond(() => Response.json({ type: 'message', content, usage }))
    const response = await shop.post('/v1/messages', ask)
    expect(charged(response)).toBe(String(credits))
    expect(await settlementOf(response)).toMatchObject({
      credits,
      quantity: 130,
      payload: { parts },
    })
  })

  test.each([
    ['the response alone', { output_tokens: 20, output_tokens_details: { thinking_tokens: 5 } }],
    ['everything again', usage],
    ['null for what it knows nothing of', { ...usage, input_tokens: null }],
  ])('in a stream whose end says %s cost the same', async (_, said) => {
    shop.upstream.respond(sse(started() + text('Hello, ') + text('you.') + ended(said)))
    const response = await stream()
    expect(await response.text()).toContain('message_stop')
    expect(await settlementOf(response)).toMatchObject({
      credits,
      quantity: 130,
      payload: { parts },
    })
  })

  test('that read more while they ran are charged for it', async () => {
    const said = { input_tokens: 170, output_tokens: 20 }
    shop.upstream.respond(sse(started() + text('Hello.') + ended(said)))
    const response = await stream()
    await response.text()
    expect((await settlementOf(response))?.payload).toMatchObject({
      parts: { input: 170, cached: 30, cacheWrite: 10, output: 20 },
    })
  })

  test('that break off are charged for the request as its first event says it, and for their text', async () => {
    const upstream = flow(shop.upstream)
    const asked = stream()
    await upstream.send(started() + text('word '.repeat(6)))
    const response = await asked
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
    let events = ''
    for (;;) {
      const { value, done } = (await reader?.read()) ?? { done: true }
      if (done) break
      events += value
      if (events.includes('word')) void upstream.breakOff()
    }
    expect(events).toContain('event: error\ndata: {"type":"error"')
    // 30 bytes at three bytes a token.
    expect((await settlementOf(response))?.payload).toMatchObject({
      parts: { input: 70, cached: 30, cacheWrite: 10, output: 10 },
      terminatedBy: 'upstream',
    })
  })

  test('that only begin, and then fail, cost nothing', async () => {
    const failed = named({ type: 'error', error: { type: 'overloaded_error', message: 'Busy.' } })
    shop.upstream.respond(sse(started() + failed))
    const response = await stream()
    expect(await response.text()).toContain('overloaded_error')
    await shop.outcomeOf(response.headers.get('x-request-id'), 'HoldReleased')
    shop.upstream.respond(() => Response.json({ type: 'error', error: { type: 'api_error' } }))
    expect(charged(await shop.post('/v1/messages', ask))).toBe('0')
  })

  test('beyond the credits end with an error that their clients read', async () => {
    const key = await shop.newKey('pro', { monthlyCap: 4_300 })
    shop.upstream.respond(sse(started() + text('words').repeat(400)))
    const response = await shop.post('/v1/messages', { ...ask, stream: true }, { key: key.text })
    const last = (await response.text()).trim().split('\n').at(-1) ?? ''
    expect(JSON.parse(last.replace('data: ', ''))).toMatchObject({
      ...{ type: 'error', error: { type: 'billing_error' }, code: 'key_cap_reached' },
    })
    expect((await settlementOf(response))?.credits).toBeLessThanOrEqual(4_300)
  })

  test('that are refused say so in the shape of the API', async () => {
    const unknown = await shop.post('/v1/messages', { ...ask, model: 'huge' })
    const requestId = unknown.headers.get('x-request-id')
    expect([unknown.status, unknown.headers.get('x-should-retry')]).toEqual([400, 'false'])
    expect(await unknown.json()).toMatchObject({
      type: 'error',
      error: { type: 'invalid_request_error', message: expect.stringContaining('model') },
      request_id: requestId,
      code: 'invalid_request',
    })
    const nobody = await shop.post('/v1/messages', ask, { key: 'sk_live_x' })
    expect(await nobody.json()).toMatchObject({ error: { type: 'authentication_error' } })
  })

  test('of the demo are charged by its words, streamed or not', async () => {
    const system = [{ type: 'text', text: 'Be brief now.', cache_control: { type: 'ephemeral' } }]
    const body = { ...ask, system, messages: [{ role: 'user', content: 'one two three four' }] }
    for (const stream of [false, true]) {
      const response = await demoShop.post('/v1/messages', { ...body, stream })
      expect(await response.text()).toContain('four')
      // 4 × 3 + 3 × 0.3 + 4 × 15
      expect(await settlementOf(response, demoShop)).toMatchObject({
        ...{ credits: 73, payload: { parts: { input: 4, cached: 3, output: 4 } } },
      })
    }
  })
})

describe('content of the Gemini API', () => {
  const ask = { contents: [{ role: 'user', parts: [{ text: 'Hi.' }] }] }
  const usageMetadata = {
    ...{ promptTokenCount: 100, cachedContentTokenCount: 40, toolUsePromptTokenCount: 5 },
    ...{ candidatesTokenCount: 20, thoughtsTokenCount: 7, totalTokenCount: 132 },
  }
  const parts = { input: 65, cached: 40, output: 20, reasoning: 7 }
  /** 65 × 1.25 + 40 × 0.31 + 27 × 10 = 363.65 */
  const credits = 364
  const said = (text: string, usage: object) => ({
    candidates: [{ content: { parts: [{ text }], role: 'model' }, index: 0 }],
    usageMetadata: usage,
  })
  const whole = '/v1beta/models/large:generateContent'
  const streamed = '/v1beta/models/large:streamGenerateContent?alt=sse'

  test('is charged by what is cached, said and thought', async () => {
    shop.upstream.respond(() => Response.json(said('Hello.', usageMetadata)))
    const response = await shop.post(whole, ask)
    expect(charged(response)).toBe(String(credits))
    expect(await settlementOf(response)).toMatchObject({
      credits,
      quantity: 132,
      payload: { parts },
    })
  })

  test('in a stream, of which each event says the usage so far, costs the same', async () => {
    const first = { promptTokenCount: 100, cachedContentTokenCount: 40, totalTokenCount: 100 }
    const next = { ...first, thoughtsTokenCount: 7, candidatesTokenCount: 8, totalTokenCount: 115 }
    shop.upstream.respond(
      sse([first, next, usageMetadata].map((usage) => event(said('word', usage))).join('')),
    )
    const response = await shop.post(streamed, ask)
    await response.text()
    const events = await shop.eventsOf(response.headers.get('x-request-id'))
    // No more than one step of the response is held at first: 256 at 10.
    expect(events[0]?.credits).toBeWithin(2_560, 2_700)
    expect(await settlementOf(response)).toMatchObject({
      credits,
      quantity: 132,
      payload: { parts },
    })
  })

  test('whose prompt is blocked costs what was read', async () => {
    const usage = { promptTokenCount: 100, totalTokenCount: 100 }
    shop.upstream.respond(() =>
      Response.json({ promptFeedback: { blockReason: 'SAFETY' }, usageMetadata: usage }),
    )
    const response = await shop.post(whole, ask)
    expect(charged(response)).toBe('125')
    expect((await settlementOf(response))?.payload).toMatchObject({ parts: { input: 100 } })
  })

  test('that is an error costs nothing', async () => {
    const failed = { error: { code: 503, message: 'Busy.', status: 'UNAVAILABLE' } }
    shop.upstream.respond(sse(event(failed)))
    const response = await shop.post(streamed, ask)
    await response.text()
    await shop.outcomeOf(response.headers.get('x-request-id'), 'HoldReleased')
  })

  test('is asked for with the key in their header, and refused in their shape', async () => {
    const headers = { 'x-goog-api-key': shop.key.text }
    const refused = await shop.post(whole, { contents: [] }, { key: null, headers })
    expect(refused.status).toBe(400)
    expect(await refused.json()).toMatchObject({
      error: {
        ...{ code: 400, status: 'INVALID_ARGUMENT' },
        details: [
          { reason: 'INVALID_REQUEST' },
          { fieldViolations: [{ field: 'contents', description: expect.any(String) }] },
        ],
      },
    })
    const unpriced = await shop.post(whole.replace('large', 'huge'), ask)
    expect((await unpriced.json()).error).toMatchObject({ status: 'INVALID_ARGUMENT' })
    const array = await shop.post(streamed.replace('?alt=sse', ''), ask)
    expect(array.status).toBe(400)
  })

  test('of the demo is charged by its words, streamed or not', async () => {
    const body = { contents: [{ role: 'user', parts: [{ text: 'one two three four' }] }] }
    for (const path of [whole, streamed]) {
      const response = await demoShop.post(path, body)
      expect(await response.text()).toContain('four')
      expect(await settlementOf(response, demoShop)).toMatchObject({
        ...{ credits: 45, payload: { by: 'large', parts: { input: 4, output: 4 } } },
      })
    }
  })
})
