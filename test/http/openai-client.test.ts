/** The official client of the openai API, unchanged, against a chat service that is sold by the token. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import OpenAI, { APIError } from 'openai'
import { type DemoUpstream, startDemoUpstream } from '../../src/demo/start-demo-upstream.ts'
import { chatConfig } from '../support/chat.ts'
import { type CallEvent, openShop, type Shop } from '../support/shop.ts'

let demo: DemoUpstream
let shop: Shop
beforeAll(async () => {
  demo = startDemoUpstream('chat')
  const { url } = demo
  shop = await openShop({
    config: chatConfig(),
    demoUrls: { chat: url, search: url, stt: url, tts: url },
  })
})
afterAll(async () => {
  await shop.close()
  await demo.stop()
})

function clientOf(apiKey: string): OpenAI {
  return new OpenAI({ apiKey, baseURL: `${shop.gateway.url}/v1`, maxRetries: 0 })
}

const said = 'To be sold by the token, and never twice. '.repeat(50).trim()
const words = said.split(' ').length
const chat = { model: 'demo', messages: [{ role: 'user' as const, content: said }] }

/** What the last event of a call charged, for so many tokens. */
function charged(events: readonly CallEvent[], tokens: number): void {
  const { credits, quantity } = events.at(-1) as CallEvent
  expect({ credits, quantity }).toEqual({ credits: Math.ceil(tokens / 100), quantity: tokens })
}

describe('the openai client', () => {
  test('gets a whole response, charged by the usage in it', async () => {
    const { data, response } = await clientOf(shop.key.text)
      .chat.completions.create(chat)
      .withResponse()
    expect(data.choices[0]?.message.content).toBe(said)
    expect(data.usage?.total_tokens).toBe(2 * words)
    expect(response.headers.get('x-credits-charged')).toBe(String(Math.ceil((2 * words) / 100)))
    const events = await shop.eventsOf(response.headers.get('x-request-id'))
    expect(events.map(({ type }) => type)).toEqual(['CreditsHeld', 'HoldSettled'])
    charged(events, 2 * words)
  })

  test('gets a stream, charged by the usage at its end, which the client did not ask for', async () => {
    const { data: stream, response } = await clientOf(shop.key.text)
      .chat.completions.create({ ...chat, stream: true })
      .withResponse()
    let text = ''
    let finish: string | null | undefined
    let usage: number | undefined
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta.content ?? ''
      finish ??= chunk.choices[0]?.finish_reason
      usage ??= chunk.usage?.total_tokens
    }
    expect(text).toBe(said)
    expect(finish).toBe('stop')
    expect(usage).toBe(2 * words)
    // It was over for the client only when it was written.
    const events = await shop.eventsOf(response.headers.get('x-request-id'))
    expect(events[0]?.type).toBe('CreditsHeld')
    expect(response.headers.get('x-ledger-position')).toBe(`0-${events[0]?.position}`)
    charged(events, 2 * words)
    // A stream holds a step at a time: less than the 4,096 tokens that it could have had.
    const [held, ...more] = events.slice(0, -1)
    expect(held?.credits).toBeLessThan(10)
    expect(new Set(more.map(({ type }) => type))).toEqual(new Set(['HoldExtended']))
  })

  test('keeps to the limit that it was asked to keep to', async () => {
    const limited = { ...chat, max_completion_tokens: 7 }
    const { data, response } = await clientOf(shop.key.text)
      .chat.completions.create(limited)
      .withResponse()
    expect(data.choices[0]?.finish_reason).toBe('length')
    charged(await shop.eventsOf(response.headers.get('x-request-id')), words + 7)
  })

  test('learns before the response begins that there are not enough credits', async () => {
    const capped = await shop.ledger.key(shop.account, { monthlyCap: 3 })
    const refusal = await clientOf(capped.text)
      .chat.completions.create({ ...chat, stream: true })
      .catch((error) => error)
    expect(refusal).toBeInstanceOf(APIError)
    expect(refusal.status).toBe(402)
  })

  test('is told in the middle of a stream that the credits have ended', async () => {
    // 1,000 words are 5 kB of request: 13 credits for it, and 3 for a step of the response.
    const long = { ...chat, messages: [{ role: 'user' as const, content: 'word '.repeat(1_000) }] }
    const capped = await shop.ledger.key(shop.account, { monthlyCap: 18 })
    const { data: stream, response } = await clientOf(capped.text)
      .chat.completions.create({ ...long, stream: true })
      .withResponse()
    let text = ''
    const read = async () => {
      for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? ''
    }
    const error = await read().catch((thrown) => thrown)
    expect(error).toBeInstanceOf(APIError)
    expect(error.code).toBe('key_cap_reached')
    const events = await shop.eventsOf(response.headers.get('x-request-id'))
    expect(events.at(-1)).toMatchObject({
      type: 'HoldSettled',
      credits: 18,
      payload: { terminatedBy: 'hold' },
    })
    // The text that arrived was charged, a token for each four bytes, and none that did not.
    const requestBytes = JSON.stringify({ ...long, stream: true }).length
    const tokens = Math.ceil(text.length / 4)
    expect(events.at(-1)?.quantity).toBe(Math.ceil(requestBytes / 4) + tokens)
    expect(tokens).toBeGreaterThan(256)
  })
})
