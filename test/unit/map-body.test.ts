import { expect, test } from 'bun:test'
import type { Route } from '../../src/config/config.ts'
import { mapBody } from '../../src/proxy/request/map-body.ts'
import { readRequestBody } from '../../src/proxy/request/request-body.ts'
import { parse, withChange } from '../support/small-config.ts'

test('fields take their names, and their values stay as they are written', () => {
  expect(
    mapBody('{"a": 1.0, "b" :[ 9007199254740993 ], "c": 3}', { x: 'a', y: { from: 'b' } }),
  ).toBe('{"x":1.0,"y":[ 9007199254740993 ]}')
})

test('what is absent takes the default or stays away', () => {
  const map = { x: { from: 'a', default: 0 }, y: 'b' }
  expect(mapBody('{}', map)).toBe('{"x":0}')
  expect(mapBody('{"a":null,"b":false}', map)).toBe('{"x":null,"y":false}')
})

test('values take their spelling, however they are written, and others stay', () => {
  const map = { x: { from: 'a', values: { ogg: 'mp3', none: null } } }
  expect(mapBody('{"a":"\\u006fgg"}', map)).toBe('{"x":"mp3"}')
  expect(mapBody('{"a":"none"}', map)).toBe('{"x":null}')
  for (const text of ['"wav"', '"\\u0077av"', '"toString"', '7', '["ogg"]']) {
    expect(mapBody(`{"a":${text}}`, map)).toBe(`{"x":${text}}`)
  }
})

test('values of the path and the query have their names and spellings, too', () => {
  const map = { model: { parameter: 'm', values: { small: 'm-1' } }, n: { query: 'n' }, z: 'z' }
  expect(mapBody('{"z":1e2}', map, { parameters: { m: 'small' }, query: { n: 2 } })).toBe(
    '{"model":"m-1","n":2,"z":1e2}',
  )
})

test('inherited fields are not taken for fields of the body', () => {
  expect(mapBody('{}', { x: 'constructor', y: '__proto__' })).toBe('{}')
  expect(mapBody('"text"', { x: 'length' })).toBe('{}')
})

function routeOf(text: string): Route {
  const route = parse(text).routes.say
  if (route === undefined) throw new Error('no route')
  return route
}

function post(body: string): Request {
  const headers = { 'content-type': 'application/json; charset=utf-8' }
  return new Request('http://localhost/v1/say', { method: 'POST', body, headers })
}

async function callOf(route: Route, body: string) {
  const call = await readRequestBody(post(body), route, { maxSeconds: 60, maxJsonValues: 50 })
  if ('refusal' in call) throw new Error(JSON.stringify(call.refusal))
  const { bytes, forward, content } = call
  const text = new TextDecoder()
  if (forward && 'stream' in forward) throw new Error('not read')
  const forwarded = forward && ('text' in forward ? forward.text : text.decode(forward.bytes))
  return { sent: text.decode(bytes), forwarded, content }
}

test('a call without a map is sent on byte for byte', async () => {
  const route = routeOf(withChange('POST', 'POST'))
  const call = await callOf(route, '{ "text": "\\u00e4" }')
  expect(call).toEqual({
    sent: '{ "text": "\\u00e4" }',
    forwarded: '{ "text": "\\u00e4" }',
    content: { json: { text: 'ä' }, bytes: 20 },
  })
})

test('a call with a map is sent on mapped, and counted as it was sent to us', async () => {
  const route = routeOf(withChange('    price:', '    map: { words: text }\n    price:'))
  expect(await callOf(route, '{ "text": "a" }')).toEqual({
    sent: '{ "text": "a" }',
    forwarded: '{"words":"a"}',
    content: { json: { text: 'a' }, bytes: 15 },
  })
})

test('only a request for a stream has laid over it what is to be sent with one', async () => {
  const hold = '{ bytesPerToken: 1, limit: [], most: 1, step: 1 }'
  const settle = '{ usage: /used, each: [/a] }'
  const price = `{ per: token, unit: 1, credits: 1, hold: ${hold}, settle: ${settle} }`
  const streams = '{ when: { pointer: /text, equals: flow }, send: { options: { usage: true } } }'
  const route = routeOf(
    withChange('price: { per: request, credits: 1 }', `streams: ${streams}\n    price: ${price}`),
  )
  const other = '{ "text": "a", "options": {} }'
  expect(await callOf(route, other)).toMatchObject({ forwarded: other })
  const asked = '{ "text": "flow", "options": { "usage": false, "more": 1.0 } }'
  expect(await callOf(route, asked)).toEqual({
    sent: asked,
    forwarded: '{ "text": "flow", "options": { "usage": true, "more": 1.0 } }',
    content: { json: JSON.parse(asked), bytes: asked.length, streams: true },
  })
})

test('a call of a route without a body has none, whatever was sent', async () => {
  const { request: _, ...route } = routeOf(withChange('POST', 'POST'))
  expect(await callOf(route, 'anything')).toEqual({ sent: '', forwarded: undefined, content: {} })
})

test("a body beyond the route's size is refused", async () => {
  const route = routeOf(withChange('    price:', '    maxBodyBytes: 10\n    price:'))
  const call = await readRequestBody(post('{"text":"a"}'), route, {
    maxSeconds: 60,
    maxJsonValues: 50,
  })
  expect('refusal' in call && call.refusal.status).toBe(413)
})
