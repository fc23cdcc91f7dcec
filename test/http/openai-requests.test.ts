/** What official clients of the OpenAI API send reaches the upstream as it was sent, and is sold. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import OpenAI from 'openai'
import { chatConfig, done, event } from '../support/chat.ts'
import { rawCall } from '../support/raw-client.ts'
import { openShop, type Shop } from '../support/shop.ts'

let shop: Shop
let client: OpenAI
beforeAll(async () => {
  shop = await openShop({ config: chatConfig() })
  client = new OpenAI({ apiKey: shop.key.text, baseURL: `${shop.gateway.url}/v1`, maxRetries: 0 })
})
afterAll(() => shop.close())

const messages = [{ role: 'user' as const, content: 'x' }]
const usage = { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 }
const said = { choices: [{ index: 0, message: { content: 'hi' }, finish_reason: 'stop' }], usage }
const tools = [
  {
    type: 'function' as const,
    function: { name: 'look_up', parameters: { type: 'object', properties: {} } },
  },
]

const sent = () => JSON.parse(new TextDecoder().decode(shop.upstream.executed[0]?.body))

function stream(...chunks: object[]): void {
  const text = chunks.map(event).join('') + done
  const headers = { 'content-type': 'text/event-stream' }
  shop.upstream.respond(() => new Response(text, { headers }))
}
const chunk = (delta: object, finish_reason: string | null = null) => ({
  ...{ id: 'c', object: 'chat.completion.chunk', created: 0, model: 'm' },
  choices: [{ index: 0, delta, finish_reason }],
})

describe('the client in JavaScript', () => {
  test('may say null wherever the API admits it', async () => {
    shop.upstream.respond(() => Response.json(said))
    const params = {
      ...{ model: 'm', messages },
      ...{ audio: null, frequency_penalty: null, logit_bias: null, logprobs: null, n: null },
      ...{ max_completion_tokens: null, max_tokens: null, metadata: null, modalities: null },
      ...{ prediction: null, presence_penalty: null, reasoning_effort: null, seed: null },
      ...{ service_tier: null, stop: null, store: null, stream: null, stream_options: null },
      ...{ temperature: null, top_logprobs: null, top_p: null, verbosity: null },
    } satisfies OpenAI.ChatCompletionCreateParams
    expect((await client.chat.completions.create(params)).usage).toEqual(usage)
    expect(sent()).toEqual(params)
  })

  test('may ask a stream for its usage, or not, or with null', async () => {
    for (const asked of [
      {},
      { stream_options: null },
      { stream_options: { include_usage: false } },
    ]) {
      stream(chunk({ content: 'hi' }), { ...chunk({}), choices: [], usage })
      const events = await client.chat.completions.create({
        ...{ model: 'm', messages, stream: true, ...asked },
      })
      let last: OpenAI.ChatCompletionChunk | undefined
      for await (const one of events) last = one
      expect(last?.usage).toEqual(usage)
      expect(sent().stream_options).toEqual({ include_usage: true })
    }
  })

  test('may call tools, streamed or whole, and send what they returned', async () => {
    const call = (name: string, text: string) => ({ index: 0, function: { name, arguments: text } })
    stream(
      chunk({
        role: 'assistant',
        content: null,
        tool_calls: [{ id: 'call_1', type: 'function', ...call('look_up', '') }],
      }),
      chunk({ tool_calls: [{ index: 0, function: { arguments: '{"q":' } }] }),
      chunk({ tool_calls: [{ index: 0, function: { arguments: '"honey"}' } }] }),
      chunk({}, 'tool_calls'),
    )
    const runner = client.chat.completions.stream({ model: 'm', messages, tools })
    const message = (await runner.finalChatCompletion()).choices[0]?.message
    expect(message?.tool_calls?.[0]).toMatchObject({
      ...{ id: 'call_1', function: { name: 'look_up', arguments: '{"q":"honey"}' } },
    })

    shop.upstream.respond(() => Response.json(said))
    const withResult = [
      ...messages,
      { role: 'assistant' as const, content: null, tool_calls: message?.tool_calls ?? [] },
      {
        role: 'tool' as const,
        tool_call_id: 'call_1',
        content: [{ type: 'text' as const, text: 'sweet' }],
      },
    ]
    await client.chat.completions.create({
      ...{
        model: 'm',
        messages: withResult,
        tools,
        tool_choice: 'auto',
        parallel_tool_calls: false,
      },
    })
    expect(sent().messages).toEqual(JSON.parse(JSON.stringify(withResult)))
  })

  test('gets what services add of their own', async () => {
    stream(chunk({ reasoning_content: 'Hm.' }), chunk({ content: 'hi' }, 'stop'))
    const events = await client.chat.completions.create({ model: 'm', messages, stream: true })
    const deltas: object[] = []
    for await (const { choices } of events) if (choices[0]) deltas.push(choices[0].delta)
    expect(deltas).toEqual([{ reasoning_content: 'Hm.' }, { content: 'hi' }])
  })

  test('lists the models', async () => {
    const data = [{ id: 'm', object: 'model', created: 0, owned_by: 'me' }]
    shop.upstream.respond(() => Response.json({ object: 'list', data }))
    expect((await client.models.list()).data.map(({ id }) => id)).toEqual(['m'])
    expect(shop.upstream.executed[0]?.target).toBe('/v1/models')
  })

  test('has a request of its own id, which is that of the call', async () => {
    shop.upstream.respond(() => Response.json(said))
    const { _request_id } = await client.chat.completions.create({ model: 'm', messages })
    expect((await shop.eventsOf(_request_id)).at(-1)).toMatchObject({
      type: 'HoldSettled',
      quantity: 2,
    })
  })
})

/** Written from the source of openai-python (`_base_client.py`), which is not run here. */
describe('a request as the client in Python sends it', () => {
  const headers = (retries: number) =>
    [
      `Host: ${new URL(shop.gateway.url).host}`,
      'Accept-Encoding: gzip, deflate, br, zstd',
      'Connection: keep-alive',
      'Accept: application/json',
      'Content-Type: application/json',
      'User-Agent: OpenAI/Python 2.8.1',
      'X-Stainless-Lang: python',
      'X-Stainless-Package-Version: 2.8.1',
      'X-Stainless-OS: Linux',
      'X-Stainless-Arch: x64',
      'X-Stainless-Runtime: CPython',
      'X-Stainless-Runtime-Version: 3.13.1',
      `Authorization: Bearer ${shop.key.text}`,
      'X-Stainless-Async: false',
      `x-stainless-retry-count: ${retries}`,
      'x-stainless-read-timeout: 600',
    ].join('\r\n')
  const post = (body: string, retries = 0) =>
    rawCall(
      shop.gateway.url,
      `POST /v1/chat/completions HTTP/1.1\r\n${headers(retries)}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    )

  test('gets a whole response, and its bytes reach the upstream', async () => {
    shop.upstream.respond(() => Response.json(said))
    const body =
      '{"messages":[{"role":"user","content":"Grüße"}],"model":"m","temperature":1.0,"stop":null}'
    const call = post(body)
    await call.ended()
    expect(call.status).toBe(200)
    expect(new TextDecoder().decode(shop.upstream.executed[0]?.body)).toBe(body)
    // Whoever counts what a response says cannot have it compressed.
    expect(shop.upstream.executed[0]?.headers.get('accept-encoding')).toBe('identity')
  })

  test('gets a stream, and is told when it is refused', async () => {
    stream(chunk({ content: 'hi' }), { ...chunk({}), choices: [], usage })
    const call = post('{"messages":[{"role":"user","content":"x"}],"model":"m","stream":true}')
    await call.ended()
    expect(call.header('content-type')).toStartWith('text/event-stream')
    expect(call.body.toString()).toEndWith(done)

    const refused = post('{"messages":[],"model":"m"}', 1)
    await refused.ended()
    expect([refused.status, refused.header('x-should-retry')]).toEqual([400, 'false'])
    expect(JSON.parse(refused.body.toString()).error).toMatchObject({
      ...{ code: 'invalid_request', type: 'invalid_request_error', param: 'messages' },
    })
  })
})
