/** Calls whose prices have several components, or rates by a value: what is held, charged and recorded, and explained. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { tariffOf } from '../../src/config/tariff.ts'
import { explainCall } from '../../src/reports/explain/explain-call.ts'
import { simulateTariff } from '../../src/reports/simulate/simulate-tariff.ts'
import { readStatement } from '../../src/reports/statement/read-statement.ts'
import { chat, chatConfig, done, event, tokenPrice, tokens, usage } from '../support/chat.ts'
import { runCli } from '../support/cli.ts'
import { putShippedClock } from '../support/shipped-clock.ts'
import { openShop, type Shop } from '../support/shop.ts'
import { type ConfigChanges, testConfig } from '../support/test-config.ts'
import { until } from '../support/until.ts'

const json = {
  type: 'object',
  required: ['n', 'model'],
  properties: {
    n: { type: 'integer', minimum: 1, maximum: 4 },
    model: { type: 'string' },
    text: { type: 'string' },
  },
}
const route = (path: string, price: unknown, more: object = {}) => ({
  ...{ method: 'POST', path, summary: path, service: 'search', request: { json }, price, ...more },
})
const pictures = { per: 'item', hold: { number: '/n' }, settle: { list: '/pictures' } }

/** Where rates come from, and what was added to them. */
const catalogue = [
  { sha256: 'a'.repeat(64), markup: '1.25', credits: '1000000', models: ['large', 'small'] },
]
const { services, routes } = chatConfig()
const config: ConfigChanges = {
  services,
  routes: {
    image: route('/v1/image', [
      { name: 'base', per: 'request', credits: 20 },
      { name: 'pictures', ...pictures, perMillion: 1_500_000 },
    ]),
    draw: route('/v1/draw', {
      ...{ ...pictures, by: '/model', credits: { large: 10, small: 1 } },
    }),
    paint: route('/v1/paint', [
      { name: 'base', per: 'request', credits: 2 },
      {
        ...{ name: 'pixels', per: 'quantity', of: 'pixel', perMillion: 1_500_000 },
        ...{ hold: { product: ['/n', '/n'] }, settle: { header: 'X-Pixels' } },
      },
    ]),
    ask: route('/v1/ask', [
      {
        ...{ name: 'prompt', per: 'quantity', of: 'token', perMillion: 150_000 },
        ...{ hold: { bytesPer: 2 }, settle: { number: '/usage/prompt_tokens' } },
      },
      {
        ...{ name: 'completion', per: 'quantity', of: 'token', perMillion: 600_000 },
        ...{ hold: { most: 4_096 }, settle: { number: '/usage/completion_tokens' } },
      },
    ]),
    kinds: {
      ...(routes as { chat: object }).chat,
      path: '/v1/kinds/completions',
      operationId: 'kinds',
      price: {
        ...{ per: 'token', by: '/model', hold: { ...tokenPrice.hold, bytesPerToken: 10 } },
        catalogue,
        perMillion: {
          large: { input: 2_500_000, cached: 1_250_000, output: 10_000_000 },
          small: { input: 150_000, cached: 75_000, output: 600_000 },
        },
      },
    },
    byMethod: {
      ...route('/v1/by-method', { per: 'request', by: 'method', credits: { GET: 2, HEAD: 0 } }),
      ...{ method: undefined, methods: ['GET', 'HEAD'], request: undefined },
    },
    chat: {
      ...(routes as { chat: object }).chat,
      price: [
        { name: 'base', per: 'request', credits: 5 },
        {
          name: 'tokens',
          ...tokenPrice,
          unit: undefined,
          credits: undefined,
          perMillion: 500_000,
          catalogue,
        },
      ],
    },
  },
}

let shop: Shop
beforeAll(async () => {
  shop = await openShop({ config })
})
afterAll(() => shop.close())

const drawn = (count: number) => () => Response.json({ pictures: Array(count).fill('x') })
const charged = (response: Response) => response.headers.get('x-credits-charged')

/** The ledger has its own time in tests. */
async function thisMonth(): Promise<string> {
  const [row] = await shop.ledger.sql<[{ now: Date }]>`select ledger_now() as now`
  return row.now.toISOString().slice(0, 7)
}

/** The events of a call, and that it is explained. */
async function callOf(response: Response) {
  const requestId = response.headers.get('x-request-id') ?? ''
  const events = await shop.outcomeOf(requestId, 'HoldSettled')
  const explained = await explainCall(shop.ledger.sql, requestId)
  expect(explained?.disagreements).toEqual([])
  return { events, explained, settled: events.at(-1) }
}

describe('a price of several components', () => {
  test('is held at its bound, charged exactly, and recorded by component', async () => {
    const key = await shop.newKey('pro', { monthlyCap: 1_000_000 })
    shop.upstream.respond(drawn(1))
    const response = await shop.post('/v1/image', { n: 4, model: 'x' }, { key: key.text })
    expect(charged(response)).toBe('22')
    const { events, settled, explained } = await callOf(response)
    expect(events.map(({ type, credits, quantity }) => [type, credits, quantity])).toEqual([
      ['CreditsHeld', 26, 1],
      ['HoldSettled', 22, 1],
    ])
    expect(events[0]?.payload).toMatchObject({ parts: { base: 1, pictures: 4 } })
    expect(settled?.payload).toMatchObject({ parts: { base: 1, pictures: 1 } })
    expect(explained?.settled).toMatchObject({
      quantity: 1,
      parts: { base: 1, pictures: 1 },
      credits: 22,
    })
    const charge = await shop.fetch(`/v1/charges/${response.headers.get('x-request-id')}`, {
      key: key.text,
    })
    expect(await charge.json()).toMatchObject({ parts: { base: 1, pictures: 1 }, credits: 22 })
  })

  test('is charged up to what is held, and the rest is a shortfall', async () => {
    shop.upstream.respond(drawn(4))
    const response = await shop.post('/v1/image', { n: 2, model: 'x' })
    expect(charged(response)).toBe('23')
    const { settled } = await callOf(response)
    expect(settled?.payload).toMatchObject({ parts: { base: 1, pictures: 2 }, shortfall: 3 })
  })

  test('is charged on leases as on holds', async () => {
    const key = await shop.newKey('enterprise')
    shop.upstream.respond(drawn(2))
    const onLease = () => shop.ledger.sql<
      { requestId: string; credits: number; payload: object }[]
    >`
      select request_id as "requestId", credits, payload from events
      where key_id = ${key.keyId} and type = 'HoldSettled' and payload ->> 'lease' is not null`
    await until(async () => {
      const body = { n: 4, model: 'x' }
      await Promise.all(
        Array.from({ length: 20 }, () => shop.post('/v1/image', body, { key: key.text })),
      )
      return (await onLease()).length > 0
    })
    const [first] = await onLease()
    expect(first).toMatchObject({ credits: 23, payload: { parts: { base: 1, pictures: 2 } } })
    expect((await explainCall(shop.ledger.sql, first?.requestId ?? ''))?.disagreements).toEqual([])
  })

  test('of a stream grows with the component that is metered', async () => {
    shop.upstream.respond(
      () =>
        new Response(tokens(25) + usage(31) + done, {
          headers: { 'content-type': 'text/event-stream' },
        }),
    )
    const response = await shop.post('/v1/chat/completions', chat)
    await response.text()
    const { settled } = await callOf(response)
    expect(settled).toMatchObject({ credits: 5 + 16, quantity: 31 })
    expect(settled?.payload).toMatchObject({ parts: { base: 1, tokens: 31 } })
  })

  test('of a whole response that is priced by its tokens adds them up, too', async () => {
    shop.upstream.respond(() =>
      Response.json({ choices: [{ message: { content: 'hi' } }], usage: { total_tokens: 7 } }),
    )
    const response = await shop.post('/v1/chat/completions', { ...chat, stream: false })
    expect(charged(response)).toBe(String(5 + 4))
    expect((await callOf(response)).settled?.payload).toMatchObject({ parts: { tokens: 7 } })
  })

  test('of a stream whose cap is used up is charged for what was sent', async () => {
    const key = await shop.newKey('pro', { monthlyCap: 40 })
    shop.upstream.respond(
      () =>
        new Response(event({ choices: [{ delta: { content: 'a' } }] }).repeat(300) + done, {
          headers: { 'content-type': 'text/event-stream' },
        }),
    )
    const response = await shop.post('/v1/chat/completions', chat, { key: key.text })
    expect(await response.text()).toContain('key_cap_reached')
    const { settled } = await callOf(response)
    // The base, and 70 tokens at half a credit.
    expect(settled).toMatchObject({ credits: 40, quantity: 70 })
    expect(settled?.payload).toMatchObject({
      ...{ parts: { base: 1, tokens: 70 }, terminatedBy: 'hold' },
    })
  })

  test('is replayed under an Idempotency-Key and charged once', async () => {
    shop.upstream.respond(drawn(3))
    const init = { headers: { 'idempotency-key': 'picture-1' } }
    const responses = [
      await shop.post('/v1/image', { n: 3, model: 'x' }, init),
      await shop.post('/v1/image', { n: 3, model: 'x' }, init),
    ]
    expect(responses.map(charged)).toEqual(['25', '0'])
  })
})

test('customers see every price as it is in the ledger, but not where its rates come from', async () => {
  const text = await (await shop.fetch('/v1/prices')).text()
  expect(text).not.toContain('catalogue')
  expect(text).not.toContain('1.25')
  const { prices } = tariffOf(testConfig(config))
  const inLedger = JSON.stringify(prices)
  expect(inLedger.split('"catalogue"')).toHaveLength(3)
  const shown = JSON.parse(inLedger, (name, value) => (name === 'catalogue' ? undefined : value))
  expect(JSON.parse(text).current.prices).toEqual(shown)
})

test('a quantity of a name of its own is held for the request and charged as a header says', async () => {
  shop.upstream.respond(() => new Response('picture', { headers: { 'x-pixels': '9' } }))
  const said = await shop.post('/v1/paint', { n: 4, model: 'x' })
  shop.upstream.respond(
    () => new Response('picture'.repeat(500_000), { headers: { 'x-pixels': '2' } }),
  )
  const long = await shop.post('/v1/paint', { n: 4, model: 'x' })
  await long.text()
  shop.upstream.respond(() => new Response('picture'))
  const silent = await shop.post('/v1/paint', { n: 4, model: 'x' })
  // Nine pixels are 13.5 credits, two are three, and sixteen are held.
  expect([said, long, silent].map(charged)).toEqual(['16', '5', '26'])
  expect((await callOf(long)).settled?.payload).toMatchObject({ parts: { base: 1, pixels: 2 } })
  expect((await callOf(silent)).settled?.payload).toMatchObject({ parts: { pixels: 16 } })
})

test('prompt and completion can be priced apart where they are not streamed', async () => {
  const usage = { prompt_tokens: 9, completion_tokens: 41 }
  shop.upstream.respond(() => Response.json({ usage }))
  const response = await shop.post('/v1/ask', { n: 1, model: 'x' })
  // 1.35 and 24.6 credits.
  expect(charged(response)).toBe('26')
  const { settled } = await callOf(response)
  expect(settled?.payload).toMatchObject({ parts: { prompt: 9, completion: 41 } })
})

describe('rates by a value', () => {
  test('are charged by the name that is recorded', async () => {
    shop.upstream.respond(drawn(2))
    const large = await shop.post('/v1/draw', { n: 3, model: 'large' })
    const small = await shop.post('/v1/draw', { n: 3, model: 'small' })
    expect([large, small].map(charged)).toEqual(['20', '2'])
    const { settled } = await callOf(large)
    expect(settled).toMatchObject({ quantity: 2, payload: { by: 'large' } })
    expect(settled?.payload).not.toHaveProperty('parts')
  })

  test('refuse another value before anything is held or sent', async () => {
    let calls = 0
    shop.upstream.respond(() => {
      calls++
      return Response.json({})
    })
    const response = await shop.post('/v1/draw', { n: 3, model: 'constructor' })
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({
      code: 'invalid_request',
      detail: '/model: has no price here',
      errors: [{ pointer: '/model', detail: 'has no price here' }],
    })
    expect(calls).toBe(0)
    expect(await shop.eventsOf(response.headers.get('x-request-id'))).toEqual([])
  })

  test('are not found by a name that looks alike', async () => {
    const response = await shop.post('/v1/draw', { n: 1, model: 'small', Model: 'large' })
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({ errors: [{ pointer: '/Model' }] })
  })

  test('go by the method, and one of them can cost nothing', async () => {
    shop.upstream.respond(() => new Response('x'))
    const got = await shop.fetch('/v1/by-method')
    const head = await shop.fetch('/v1/by-method', { method: 'HEAD' })
    expect([got, head].map(charged)).toEqual(['2', '0'])
    expect((await callOf(head)).settled).toMatchObject({ credits: 0, payload: { by: 'HEAD' } })
  })
})

describe('tokens with rates by kind', () => {
  const said = {
    ...{ prompt_tokens: 100, completion_tokens: 25, total_tokens: 125 },
    prompt_tokens_details: { cached_tokens: 40 },
    completion_tokens_details: { reasoning_tokens: 5 },
  }
  const ask = (model: string, key: string, stream = true) =>
    shop.post('/v1/kinds/completions', { ...chat, model, stream }, { key })
  const sse = (text: string) => () =>
    new Response(text, { headers: { 'content-type': 'text/event-stream' } })

  test('are charged to the credit, streamed or not, and stand in the statement by model and kind', async () => {
    const key = await shop.newKey()
    shop.upstream.respond(sse(tokens(20) + event({ choices: [], usage: said }) + done))
    const large = await ask('large', key.text)
    await large.text()
    // 60 × 2.5 + 40 × 1.25 + 25 × 10
    expect((await callOf(large)).settled).toMatchObject({
      ...{ credits: 450, quantity: 125 },
      payload: { by: 'large', parts: { input: 60, cached: 40, output: 20, reasoning: 5 } },
    })
    shop.upstream.respond(() =>
      Response.json({ choices: [{ message: { content: 'hi' } }], usage: said }),
    )
    const small = await ask('small', key.text, false)
    // 60 × 0.15 + 40 × 0.075 + 25 × 0.6
    expect(charged(small)).toBe('27')
    await callOf(small)
    const statement = await readStatement(shop.ledger.sql, {
      ...{ keyId: key.keyId, month: await thisMonth() },
    })
    const lines = statement?.charges.byComponent?.map(({ component, by, quantity, amount }) =>
      [component, by, quantity, amount].join(' '),
    )
    expect(lines).toEqual([
      'cached large 40 50.000000',
      'cached small 40 3.000000',
      'input large 60 150.000000',
      'input small 60 9.000000',
      'output large 20 200.000000',
      'output small 20 12.000000',
      'reasoning large 5 50.000000',
      'reasoning small 5 3.000000',
      '   0.000000',
    ])
  })

  test('whose usage says no kinds are those of the request as held, and output', async () => {
    const key = await shop.newKey()
    shop.upstream.respond(sse(tokens(20) + done))
    const response = await ask('large', key.text)
    await response.text()
    const { settled } = await callOf(response)
    const input = (settled?.quantity ?? 0) - 20
    expect(settled?.payload).toMatchObject({ by: 'large', parts: { input, output: 20 } })
    expect(settled?.credits).toBe(Math.ceil(input * 2.5 + 20 * 10))
  })

  test('cost no more than can be held', async () => {
    const key = await shop.newKey('pro', { monthlyCap: 300 })
    shop.upstream.respond(sse(tokens(5) + event({ choices: [], usage: said }) + done))
    const response = await ask('large', key.text)
    await response.text()
    const { settled } = await callOf(response)
    expect(settled?.credits).toBeLessThanOrEqual(300)
    expect(settled?.payload).toMatchObject({ parts: { input: 60, cached: 40 } })
    expect(Number(settled?.credits) + Number(settled?.payload.shortfall)).toBe(450)
  })

  test('of a model that has no rates are refused', async () => {
    const key = await shop.newKey()
    const response = await ask('huge', key.text)
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({ error: { param: 'model' } })
  })
})

describe('a statement', () => {
  test('says what each component and value counted and cost, and adds up to the credits', async () => {
    const key = await shop.newKey()
    const call = (path: string, n: number, model: string) =>
      shop.post(path, { n, model }, { key: key.text })
    for (const [n, count] of [
      [4, 1],
      [4, 3],
      [3, 2],
    ] as const) {
      shop.upstream.respond(drawn(count))
      await call('/v1/image', n, 'x')
      await call('/v1/draw', n, n === 3 ? 'small' : 'large')
    }
    const statement = await readStatement(shop.ledger.sql, {
      keyId: key.keyId,
      month: await thisMonth(),
    })
    const line = (endpoint: string, component: string | null, by: string | null) => ({
      ...{ endpoint, component, by },
    })
    expect(statement?.charges.byComponent).toEqual([
      { ...line('draw', 'item', 'large'), quantity: 4, amount: '40.000000' },
      { ...line('draw', 'item', 'small'), quantity: 2, amount: '2.000000' },
      { ...line('draw', null, null), quantity: null, amount: '0.000000' },
      { ...line('image', 'base', null), quantity: 3, amount: '60.000000' },
      // One and a half credits each: 1.5, 4.5 and 3 were rounded up to 2, 5 and 3.
      { ...line('image', 'pictures', null), quantity: 6, amount: '9.000000' },
      { ...line('image', null, null), quantity: null, amount: '1.000000' },
    ])
    const image = statement?.charges.byEndpoint.find(({ endpoint }) => endpoint === 'image')
    expect(image).toMatchObject({ credits: 70 })
  })

  test('has no such lines where no price has any', async () => {
    const key = await shop.newKey()
    shop.upstream.respond(() => Response.json({}))
    await shop.post('/v1/search', { query: 'x' }, { key: key.text })
    const statement = await readStatement(shop.ledger.sql, {
      keyId: key.keyId,
      month: await thisMonth(),
    })
    expect(statement?.charges.calls).toBe(1)
    expect(statement?.charges).not.toHaveProperty('byComponent')
  })
})

test('simulating the tariff that was in force changes nothing', async () => {
  const tariff = tariffOf(testConfig(config))
  const month = await thisMonth()
  const same = await simulateTariff(shop.ledger.sql, { from: month, to: month, tariff })
  expect(same.unpriced).toEqual([])
  expect(same.owners.filter(({ credits }) => credits.actual !== credits.simulated)).toEqual([])
  expect(Number(same.totals.credits.actual)).toBeGreaterThan(0)
})

test('the log that came of it is sound', async () => {
  await putShippedClock(shop.ledger.owner)
  const { stdout, status } = await runCli(['verify'], { database: shop.ledger.url })
  expect([status, stdout]).toEqual([0, expect.any(String)])
})
