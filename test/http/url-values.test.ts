/** Values of a path and a query: in prices, in the body for the upstream, under any prefix, and in no metric. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { openShop, type Shop } from '../support/shop.ts'

const route = (path: string, more: object) => ({
  ...{ method: 'GET', path, summary: 'x', service: 'search' },
  ...{ price: { per: 'request', credits: 1 }, ...more },
})
const perCharacter = (text: object) => ({ per: 'character', unit: 1, credits: 2, hold: { text } })

let shop: Shop
beforeAll(async () => {
  shop = await openShop({
    config: {
      routes: {
        translate: route('/v1/translate', {
          query: { text: { type: 'string', maxLength: 50, required: true } },
          price: perCharacter({ query: 'text' }),
        }),
        name: route('/names/{name}', { price: perCharacter({ parameter: 'name' }) }),
        many: route('/v1/many', {
          query: { id: { type: 'array', items: { type: 'integer' }, maxItems: 5, required: true } },
          price: { per: 'item', credits: 3, hold: { list: { query: 'id' } } },
        }),
        model: route('/v1beta/models/{model}:generate', {
          method: 'POST',
          upstreamPath: '/generate',
          query: { lang: { enum: ['en', 'de'] }, n: { type: 'integer' } },
          request: { json: { type: 'object', properties: { text: { type: 'string' } } } },
          map: {
            prompt: 'text',
            model: { parameter: 'model', values: { small: 'm-1' } },
            language: { query: 'lang', default: 'en' },
            count: { query: 'n' },
          },
        }),
        tokens: route('/v1/tokens', {
          method: 'POST',
          query: { max: { type: 'integer' } },
          request: { json: {} },
          price: {
            ...{ per: 'token', unit: 1, credits: 1 },
            hold: { bytesPerToken: 1, limit: [{ query: 'max' }, '/max'], most: 1000, step: 10 },
            settle: { usage: '/used', each: ['/x'] },
          },
        }),
      },
    },
  })
})
afterAll(() => shop.close())

const charged = async (path: string) => {
  const response = await shop.fetch(path)
  return [response.status, Number(response.headers.get('x-credits-charged'))]
}

describe('a price counts', () => {
  test('the characters of a value that the query has', async () => {
    expect(await charged('/v1/translate?text=na%C3%AFve')).toEqual([200, 10])
    expect(await charged('/v1/translate?text=a+b')).toEqual([200, 6])
    expect(await charged('/v1/translate')).toEqual([400, 0])
  })

  test('the characters of a parameter of the path, decoded', async () => {
    expect(await charged('/names/%F0%9F%91%8Dab')).toEqual([200, 6])
  })

  test('how often a parameter of the query stands', async () => {
    expect(await charged('/v1/many?id=1&id=2&id=3')).toEqual([200, 9])
    expect(await charged('/v1/many?id=1&id=x')).toEqual([400, 0])
  })

  test('the limit of tokens that the query says', async () => {
    shop.upstream.respond(() => Response.json({ used: 5 }))
    for (const [path, most] of [
      ['/v1/tokens?max=20', 22],
      ['/v1/tokens', 1002],
    ] as const) {
      const response = await shop.post(path, {})
      const [held] = await shop.outcomeOf(response.headers.get('x-request-id'), 'HoldSettled')
      expect(held?.credits).toBe(most)
    }
  })
})

test('the body for the upstream is made of the path and the query, too', async () => {
  shop.upstream.respond(() => Response.json({ ok: true }))
  await shop.post('/v1beta/models/small:generate?lang=de&n=2', { text: 'Hi' })
  await shop.post('/v1beta/models/x%2Cy:generate', { text: 'Hi' })
  const sent = shop.upstream.executed.map(({ target, body }) => [
    target,
    JSON.parse(new TextDecoder().decode(body)),
  ])
  expect(sent).toEqual([
    ['/generate?lang=de&n=2', { prompt: 'Hi', model: 'm-1', language: 'de', count: 2 }],
    ['/generate', { prompt: 'Hi', model: 'x,y', language: 'en' }],
  ])
})

test('metrics name the id of the route, and never the path', async () => {
  await shop.fetch('/names/somebody')
  await shop.fetch('/names/..%2fsomebody')
  const text = await (await fetch(shop.gateway.metricsUrl)).text()
  expect(text).toContain('route="name"')
  expect(text).not.toContain('somebody')
})

test('the prices say where the routes are', async () => {
  const { routes } = (await (await shop.fetch('/v1/prices')).json()) as { routes: object }
  expect(routes).toMatchObject({
    name: { methods: ['GET'], path: '/names/{name}' },
    search: { methods: ['POST'], path: '/v1/search' },
  })
})

test('a path under another prefix that no route has is unknown', async () => {
  expect((await shop.fetch('/v1beta/models/small:other', { method: 'POST' })).status).toBe(404)
  expect((await shop.fetch('/v1beta')).status).toBe(404)
  const wrong = await shop.fetch('/names/x', { method: 'DELETE' })
  expect([wrong.status, wrong.headers.get('allow')]).toEqual([405, 'GET'])
})
