/** What is known of the OpenAI API: what is text in its responses, and what its clients read in a refusal. */
import { describe, expect, test } from 'bun:test'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { configJsonSchema } from '../../src/config/file/file-schema.ts'
import { parseConfig } from '../../src/config/load-config.ts'
import { problemOf } from '../../src/problems/problem-document.ts'
import { refusals } from '../../src/problems/refusal.ts'
import { openai } from '../../src/providers/openai.ts'
import type { Call } from '../../src/proxy/call.ts'
import { brokenOff, chargeUnknown } from '../../src/proxy/delivery/responses.ts'

const chunk = (delta: unknown) => ({ choices: [{ index: 0, delta, finish_reason: null }] })

describe('text of a response', () => {
  test.each([
    ['content', chunk({ content: 'four' }), 4],
    ['letters of several bytes', chunk({ content: '€' }), 3],
    ['reasoning', chunk({ reasoning_content: 'four' }), 4],
    [
      'what a service calls its own',
      chunk({ thinking_blocks: [{ type: 't', thinking: 'four' }] }),
      4,
    ],
    ['a refusal', chunk({ content: null, refusal: 'four' }), 4],
    [
      'a tool call: its name and arguments',
      chunk({
        tool_calls: [
          { index: 0, id: 'call_1', type: 'function', function: { name: 'ab', arguments: '{}' } },
        ],
      }),
      4,
    ],
    ['a function call of old', chunk({ function_call: { name: 'ab', arguments: '{}' } }), 4],
    ['parts of a content', chunk({ content: [{ type: 'text', text: 'four' }] }), 4],
    ['the words of speech', chunk({ audio: { id: 'a', data: 'AAAAAAAA', transcript: 'four' } }), 4],
    ['speech without words, which is something', chunk({ audio: { id: 'a', data: 'AAAA' } }), 1],
    [
      'any choice',
      {
        choices: [
          { index: 1, delta: { content: 'ab' } },
          { index: 0, delta: { content: 'cd' } },
        ],
      },
      4,
    ],
    ['a message', { choices: [{ message: { role: 'assistant', content: 'four' } }] }, 4],
    [
      'what is new, and not what a service repeats beside it',
      { choices: [{ delta: { content: 'four' }, message: { content: 'one to four' } }] },
      4,
    ],
    ['a completion of old', { choices: [{ text: 'four' }] }, 4],
    ['no role', chunk({ role: 'assistant', content: '' }), 0],
    ['no usage', { choices: [], usage: { total_tokens: 7 } }, 0],
    ['no error', { error: { message: 'four' } }, 0],
    ['nothing', undefined, 0],
    ['a list', [1, 'four'], 0],
    ['choices that are none', { choices: 'four' }, 0],
    ['a choice that is none', { choices: [null, 'four', 4] }, 0],
  ])('is %s', (_, json, bytes) => {
    expect(openai.textBytes(json)).toBe(bytes)
  })

  test('is found however deep it is', () => {
    let content: unknown = 'four'
    for (let depth = 0; depth < 100_000; depth++) content = [content]
    expect(openai.textBytes(chunk({ content }))).toBe(4)
  })
})

describe('a refusal', () => {
  const read = async (response: Response) => ({
    error: (await response.json()).error,
    retry: response.headers.get('x-should-retry'),
  })

  const worthRetrying = [
    ...['body_too_slow', 'bodies_too_large', 'rate_limited', 'concurrency_exceeded'],
    ...['idempotency_in_progress', 'internal', 'ledger_unavailable', 'reports_busy'],
    ...['upstream_unreachable', 'upstream_failed', 'upstream_busy', 'upstream_timeout'],
  ]

  test.each(Object.keys(refusals))(
    '%s says what happened, and whether to try again',
    async (code) => {
      const refusal = { code: code as keyof typeof refusals, detail: 'It is so.' }
      const { error, retry } = await read(problemOf(refusal, 'id', openai))
      expect(error).toEqual({ message: 'It is so.', type: expect.any(String), code, param: null })
      expect(retry).toBe(String(worthRetrying.includes(code)))
    },
  )

  test('is not worth a retry where the wait is longer than the clients wait', async () => {
    const after = (seconds: number) =>
      problemOf(
        { code: 'rate_limited', detail: 'x', headers: { 'Retry-After': String(seconds) } },
        'id',
        openai,
      )
    expect((await read(after(60))).retry).toBe('true')
    expect((await read(after(61))).retry).toBe('false')
  })

  test('after which the call may be charged is worth a retry only where that is not charged again', async () => {
    const route = { id: 'chat', provider: openai, price: { per: 'request', credits: 1 } }
    const callWith = (headers: HeadersInit) =>
      ({
        ...{ requestId: 'id', route },
        request: new Request('http://g/', { headers }),
      }) as unknown as Call
    for (const refuse of [(call: Call) => chargeUnknown(call, undefined), brokenOff]) {
      expect((await read(refuse(callWith({})).response)).retry).toBe('false')
      const named = refuse(callWith({ 'idempotency-key': 'a' }))
      expect((await read(named.response)).retry).toBe('true')
    }
  })

  test('of a route without a provider is a problem document alone', async () => {
    const response = problemOf({ code: 'rate_limited', detail: 'x' }, 'id')
    expect(await read(response)).toEqual({ error: undefined, retry: null })
  })
})

describe('a route of the API', () => {
  const load = (route: string) =>
    parseConfig({
      source: 't.yaml',
      env: {},
      text: `
services: { chat: { url: http://127.0.0.1:1 } }
plans: { p: { rateLimit: 1, windowMs: 1000, credits: 1, maxInFlight: 1, endpoints: all, fee: { minorUnits: 0, currency: EUR } } }
defaultPlan: p
routes:
  chat: { method: POST, path: /v1/chat, summary: x, service: chat, ${route} }
`,
    }).routes.chat
  const hold = 'hold: { bytesPerToken: 4, limit: [], most: 10, step: 5 }'
  const price = `price: { per: token, unit: 1, credits: 1, ${hold} }`

  test('needs not say how its usage and its streams are read', () => {
    const route = load(`provider: openai, request: { json: { type: object } }, ${price}`)
    expect(route?.price).toMatchObject({ settle: { usage: '/usage/total_tokens' } })
    expect(route?.streams).toEqual({
      when: { pointer: '/stream', equals: true },
      send: { stream_options: { include_usage: true } },
    })
    expect(route?.provider).toBe(openai)
  })

  test('may say it all the same', () => {
    const route = load(
      `provider: openai, request: { json: any }, streams: { when: { pointer: /live, equals: 1 } },
       price: { per: token, unit: 1, credits: 1, ${hold}, settle: { usage: /x_usage/total } }`,
    )
    expect(route?.price).toMatchObject({
      settle: { usage: '/x_usage/total', each: ['/choices/0/delta/content'] },
    })
    expect(route?.streams).toEqual({ when: { pointer: '/live', equals: 1 } })
  })

  test('has no streams where a request cannot ask for one', () => {
    const json = '{ type: object, properties: { input: { type: string } } }'
    expect(load(`provider: openai, request: { json: ${json} }, ${price}`)?.streams).toBeUndefined()
  })

  test('without a provider has to say it', () => {
    expect(() => load(`request: { json: any }, ${price}`)).toThrow(/settle: missing/)
  })

  test('is complete for editors without settle', () => {
    const check = new Ajv2020({ strict: false }).compile(configJsonSchema)
    const file = (price: object) => ({
      services: {},
      ...{ plans: {}, defaultPlan: 'p' },
      routes: { chat: { path: '/chat', summary: 'x', provider: 'openai', price } },
    })
    const price = {
      ...{ per: 'token', unit: 1, credits: 1 },
      hold: { bytesPerToken: 4, limit: [], most: 10, step: 5 },
    }
    expect(check(file(price))).toBe(true)
    expect(check(file({ ...price, settle: { usage: '/usage' } }))).toBe(true)
    expect(check(file({ ...price, settled: {} }))).toBe(false)
  })

  test('of another name is none', () => {
    const free = 'price: { per: free }'
    expect(() => load(`provider: openia, ${free}`)).toThrow(
      /provider: expected openai, anthropic or gemini, got "openia"/,
    )
  })
})
