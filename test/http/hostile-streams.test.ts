/**
 * Upstreams that say something else than what they send, and clients who leave before they do: what was delivered is
 * paid, what was not is not, and an upstream that is honest is believed to the token.
 */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import {
  chat,
  chatConfig,
  done,
  event,
  eventsIn,
  flow,
  tokenPrice,
  tokens,
  usage,
} from '../support/chat.ts'
import { type RawCall, rawCall, rawPost } from '../support/raw-client.ts'
import { type CallEvent, openShop, type Shop } from '../support/shop.ts'
import { until } from '../support/until.ts'

/** What the request counts, and how many bytes are a token. */
const asked = 1
const { bytesPerToken } = tokenPrice.hold

/** Ten tokens. */
const long = 'x'.repeat(10 * bytesPerToken)

/** A route of the OpenAI API, and one that says itself where everything stands. */
const routes = {
  'with a provider': { price: tokenPrice },
  'without a provider': {
    ...{ provider: null, price: tokenPrice },
    streams: { when: { pointer: '/stream', equals: true } },
  },
}

describe.each(Object.entries(routes))('a route %s', (_, route) => {
  let shop: Shop
  beforeAll(async () => {
    shop = await openShop({ config: chatConfig(route) })
  })
  afterAll(() => shop.close())

  const requestIdOf = (call: RawCall) => call.header('x-request-id')

  function stream(key = shop.key): RawCall {
    return rawCall(shop.gateway.url, rawPost('/v1/chat/completions', key.text, chat))
  }

  /** How the call ended when its upstream had sent all this: its events in the log, and what its client got. */
  async function whenSent(text: string): Promise<{ events: CallEvent[]; call: RawCall }> {
    const service = flow(shop.upstream)
    const call = stream()
    await service.send(text)
    await service.end()
    await call.ended()
    expect(call.whole).toBe(true)
    expect(call.body.toString()).toBe(text)
    return { events: await shop.eventsOf(requestIdOf(call)), call }
  }

  async function chargedFor(text: string): Promise<number | null | undefined> {
    const { events } = await whenSent(text)
    expect(events.at(-1)).toMatchObject({ type: 'HoldSettled' })
    return events.at(-1)?.credits
  }

  const placeholder = (content: string, total_tokens: number) =>
    event({ choices: [{ index: 0, delta: { content } }], usage: { total_tokens } })

  describe('the text of a stream is counted by its bytes', () => {
    test('where no usage is said: long events are many tokens', async () => {
      expect(await chargedFor(tokens(3, long) + done)).toBe(asked + 30)
    })

    test('in bytes of the text, not in letters', async () => {
      expect(await chargedFor(tokens(1, '€'.repeat(bytesPerToken)) + done)).toBe(asked + 3)
    })

    test('and never less than one an event', async () => {
      expect(await chargedFor(tokens(12) + done)).toBe(asked + 12)
    })

    test('when the client leaves before the usage is said', async () => {
      const service = flow(shop.upstream)
      const call = stream()
      await service.send(tokens(3, long))
      await until(() => eventsIn(call).length === 3)
      call.socket.destroy()
      const events = await shop.outcomeOf(requestIdOf(call), 'HoldSettled')
      expect(events.at(-1)).toMatchObject({
        ...{ credits: asked + 30, quantity: asked + 30, payload: { terminatedBy: 'client' } },
      })
      expect(await service.abandoned).toBe(true)
    })

    test('before it is sent: one long event does not go out beyond what is held', async () => {
      const key = await shop.ledger.key(shop.account, { monthlyCap: 20 })
      const service = flow(shop.upstream)
      const call = stream(key)
      await service.send(tokens(1) + tokens(1, long.repeat(3)))
      await call.ended()
      expect(call.body.toString()).not.toContain(long)
      expect(call.body.toString()).toContain('key_cap_reached')
      const events = await shop.outcomeOf(requestIdOf(call), 'HoldSettled')
      expect(events.at(-1)).toMatchObject({ credits: asked + 1, payload: { terminatedBy: 'hold' } })
      expect(await service.abandoned).toBe(true)
    })
  })

  describe('a usage within a stream', () => {
    test('of 0 in every chunk is none: the text is held and charged', async () => {
      expect(await chargedFor(placeholder('a', 0).repeat(40) + done)).toBe(asked + 40)
    })

    test('of 0 at the end is none where text was sent', async () => {
      expect(await chargedFor(tokens(40) + usage(0) + done)).toBe(asked + 40)
    })

    test('does not take away what was counted, whoever ends the stream after it', async () => {
      const service = flow(shop.upstream)
      const call = stream()
      await service.send(tokens(20) + usage(2) + tokens(1))
      await until(() => eventsIn(call).length === 22)
      call.socket.destroy()
      const events = await shop.outcomeOf(requestIdOf(call), 'HoldSettled')
      expect(events.at(-1)).toMatchObject({
        ...{ credits: asked + 21, payload: { terminatedBy: 'client' } },
      })
    })

    test('that text came after is not the last word', async () => {
      expect(await chargedFor(tokens(5) + usage(2) + tokens(20) + done)).toBe(asked + 25)
      expect(await chargedFor(tokens(5) + usage(40) + tokens(20) + done)).toBe(60)
    })

    test('raises what is held and charged, also when the client leaves', async () => {
      const service = flow(shop.upstream)
      const call = stream()
      await service.send(tokens(3) + usage(30) + tokens(1))
      await until(() => eventsIn(call).length === 5)
      call.socket.destroy()
      const events = await shop.outcomeOf(requestIdOf(call), 'HoldSettled')
      expect(events.at(-1)).toMatchObject({ credits: 31, payload: { terminatedBy: 'client' } })
    })

    test('of an honest upstream in every chunk is charged to the token', async () => {
      let text = ''
      for (let n = 1; n <= 40; n++) text += placeholder('word ', 3 + n)
      expect(await chargedFor(text + done)).toBe(43)
      // More than what was counted, and less.
      expect(await chargedFor(tokens(25) + usage(60) + done)).toBe(60)
      expect(await chargedFor(tokens(25) + usage(7) + done)).toBe(7)
    })

    test('that is null in all chunks but the last is charged to the token', async () => {
      const chunk = event({ choices: [{ index: 0, delta: { content: 'word ' } }], usage: null })
      expect(await chargedFor(chunk.repeat(25) + usage(17) + done)).toBe(17)
    })
  })

  describe('a stream with nothing to pay in it is not charged', () => {
    test.each([
      ['an error', event({ error: { message: 'overloaded' } })],
      ['an error and its end', event({ error: { message: 'overloaded' } }) + done],
      ['an error by its name', `event: error\n${event({ message: 'overloaded' })}`],
      [
        'an error with a usage of 0',
        event({ error: { message: 'no' }, usage: { total_tokens: 0 } }),
      ],
      ['its end', done],
      ['a comment', ': hello\n\n'],
      ['a role, and no text', tokens(1, '') + done],
      ['nothing', ''],
    ])('%s', async (_, text) => {
      const { events } = await whenSent(text)
      expect(events.map(({ type }) => type)).toEqual(['CreditsHeld', 'HoldReleased'])
      expect(events.at(-1)?.payload).toMatchObject({ reason: 'not_successful' })
    })

    test('an error, whose client leaves when it has read it', async () => {
      const service = flow(shop.upstream)
      const call = stream()
      await service.send(event({ error: { message: 'overloaded' } }) + done)
      await until(() => eventsIn(call).length === 1)
      call.socket.destroy()
      const events = await shop.outcomeOf(requestIdOf(call), 'HoldReleased')
      expect(events.map(({ type }) => type)).toEqual(['CreditsHeld', 'HoldReleased'])
      expect(await service.abandoned).toBe(true)
    })

    test('but what its upstream says was used is', async () => {
      expect(await chargedFor(event({ error: { message: 'late' } }) + usage(9) + done)).toBe(9)
    })

    test('and an error after text leaves the text to be paid', async () => {
      const failed = event({ error: { message: 'overloaded' } })
      expect(await chargedFor(tokens(12) + failed + done)).toBe(asked + 12)
    })
  })
})

describe('a route of the OpenAI API', () => {
  let shop: Shop
  beforeAll(async () => {
    shop = await openShop({ config: chatConfig({ price: tokenPrice }) })
  })
  afterAll(() => shop.close())

  /** The last event of a call whose upstream sends this. */
  async function outcomeOf(
    response: Response,
    body: object = chat,
  ): Promise<CallEvent | undefined> {
    shop.upstream.respond(() => response)
    const got = await shop.post('/v1/chat/completions', body)
    expect(got.status).toBe(200)
    await got.bytes()
    return (await shop.eventsOf(got.headers.get('x-request-id'))).at(-1)
  }
  const ofStream = (text: string) =>
    outcomeOf(new Response(text, { headers: { 'content-type': 'text/event-stream' } }))
  const ofJson = (json: unknown) => outcomeOf(Response.json(json), { ...chat, stream: null })
  const chunk = (delta: object, index = 0, more = {}) =>
    event({ choices: [{ index, delta, finish_reason: null }], ...more })
  const whole = (message: object, more = {}) => ({ choices: [{ index: 0, message }], ...more })

  test.each([
    ['reasoning', { reasoning_content: long }],
    ['a refusal', { content: null, refusal: long }],
    ['the arguments of a tool', { tool_calls: [{ index: 0, function: { arguments: long } }] }],
    ['what no one has thought of', { thoughts: { parts: [{ text: long }] } }],
  ])('is paid for %s, streamed or whole', async (_, text) => {
    expect(await ofStream(chunk(text) + done)).toMatchObject({ quantity: asked + 10 })
    expect(await ofJson(whole(text))).toMatchObject({ quantity: asked + 10 })
  })

  test('is paid for every choice', async () => {
    expect(
      await ofStream(chunk({ content: 'a' }) + chunk({ content: long }, 1) + done),
    ).toMatchObject({
      quantity: asked + 11,
    })
  })

  test('does not believe that the response had no tokens', async () => {
    const usage = { prompt_tokens: 3, completion_tokens: 0, total_tokens: 3 }
    expect(
      await ofStream(chunk({ content: long }) + event({ choices: [], usage }) + done),
    ).toMatchObject({
      quantity: asked + 10,
    })
    expect(await ofJson(whole({ content: long }, { usage }))).toMatchObject({
      quantity: asked + 10,
    })
  })

  test('believes it where there was no text', async () => {
    const usage = { prompt_tokens: 3, completion_tokens: 0, total_tokens: 3 }
    expect(await ofStream(event({ choices: [], usage }) + done)).toMatchObject({ quantity: 3 })
    expect(await ofJson(whole({ content: '' }, { usage }))).toMatchObject({ quantity: 3 })
  })

  test('is not charged for an error, or for no text, in a whole response', async () => {
    for (const json of [
      { error: { message: 'overloaded' } },
      { error: { message: 'overloaded' }, usage: { total_tokens: 0 } },
      whole({ content: '' }),
      whole({ content: null }, { usage: null }),
    ]) {
      expect(await ofJson(json)).toMatchObject({
        ...{ type: 'HoldReleased', payload: { reason: 'not_successful' } },
      })
    }
  })

  test('is charged by its text where a whole response has no usage, or one of 0', async () => {
    for (const usage of [undefined, null, { total_tokens: 0 }, { total_tokens: 'many' }]) {
      expect(await ofJson(whole({ content: long }, { usage }))).toMatchObject({
        ...{ type: 'HoldSettled', quantity: asked + 10 },
      })
    }
  })

  test('is charged to the token by the usage of a whole response', async () => {
    for (const total_tokens of [1, 7, 49]) {
      const usage = { prompt_tokens: 1, completion_tokens: total_tokens, total_tokens }
      expect(await ofJson(whole({ content: long }, { usage }))).toMatchObject({
        ...{ type: 'HoldSettled', quantity: total_tokens },
      })
    }
  })
})
