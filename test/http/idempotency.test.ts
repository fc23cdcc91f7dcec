/** Promise 6: a call that is tried again under the same Idempotency-Key runs and is charged once. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { hashKey } from '../../src/gate/authenticate/key-format.ts'
import {
  forgetResponses,
  openStoredResponses,
} from '../../src/ledger/idempotency/stored-responses.ts'
import { readKeyByHash } from '../../src/ledger/read/read-key-by-hash.ts'
import { newRequestId } from '../../src/lib/ids.ts'
import { claimOf } from '../../src/proxy/request/idempotency-claim.ts'
import { type HoldResult, openGateway } from '../support/gateway.ts'
import { startGatewayProcess } from '../support/running-gateway.ts'
import { at, openShop, type Shop } from '../support/shop.ts'
import type { ConfigChanges } from '../support/test-config.ts'
import type { TestKey } from '../support/test-ledger.ts'
import { until } from '../support/until.ts'
import { type RawUpstream, startRawUpstream } from '../support/upstream.ts'

const plan = {
  ...{ rateLimit: 100_000, windowMs: 60_000, credits: 1_000, maxInFlight: 1_000 },
  ...{ endpoints: 'all', fee: { minorUnits: 0, currency: 'EUR' } },
}

let shop: Shop
let raw: RawUpstream
let config: ConfigChanges
beforeAll(async () => {
  raw = await startRawUpstream()
  config = {
    plans: {
      ...{ wide: plan, three: { ...plan, credits: 3 }, slow: { ...plan, rateLimit: 3 } },
      poor: { ...plan, credits: 0 },
    },
    services: { raw: { url: raw.url }, nowhere: { url: 'http://127.0.0.1:1' } },
    routes: {
      search: { timeoutMs: 400, query: { more: { type: 'integer' } } },
      'tts-voices': { query: 'any' },
      broken: route('raw', '/v1/broken'),
      nowhere: route('nowhere', '/v1/nowhere'),
      parts: { ...partsRoute, path: '/v1/parts', upstreamPath: '/x' },
    },
  }
  shop = await openShop({ config })
})
afterAll(async () => {
  await shop.close()
  await raw.stop()
})

const partsRoute = {
  ...{ method: 'GET', summary: 'x', service: 'search', permission: 'search', conditional: true },
  price: { per: 'request', credits: 1 },
}

function route(service: string, path: string) {
  return {
    ...{ method: 'POST', path, summary: 'x', service, upstreamPath: '/x', permission: 'search' },
    ...{ timeoutMs: 5_000, request: { json: {} }, price: { per: 'request', credits: 1 } },
  }
}

let name = ''
beforeEach(() => {
  name = `order-${newRequestId()}`
  shop.upstream.respond(({ requestId }) => Response.json({ made: requestId }))
})

/** A search under the test's Idempotency-Key. */
function search(query = 'q', { key, path = '/v1/search' }: { key?: TestKey; path?: string } = {}) {
  const headers = { 'idempotency-key': name }
  return shop.post(path, { query }, { headers, ...(key && { key: key.text }) })
}

async function codeOf(response: Response): Promise<[number, string]> {
  const { code } = (await response.json()) as { code: string }
  return [response.status, code]
}

const idOf = (response: Response) => response.headers.get('x-request-id')

/** Charges of the key. */
const settled = ({ keyId }: TestKey) => shop.ledger.sql`
  select position from events where key_id = ${keyId} and type = 'HoldSettled'`

describe('the same key and the same request', () => {
  test('get the response again, uncharged, with the position of the one charge', async () => {
    const first = await search()
    const again = await search()
    expect([first.status, again.status]).toEqual([200, 200])
    expect(await again.text()).toBe(await first.text())
    expect(shop.upstream.executed).toHaveLength(1)
    expect(first.headers.has('idempotent-replayed')).toBe(false)
    expect(again.headers.get('idempotent-replayed')).toBe('true')
    expect(again.headers.get('x-credits-charged')).toBe('0')
    for (const header of ['x-ledger-position', 'x-credits-remaining', 'content-type']) {
      expect(again.headers.get(header)).toBe(first.headers.get(header))
    }
    expect((await shop.eventsOf(idOf(again))).length).toBe(0)
    const [, charge] = await shop.eventsOf(idOf(first))
    expect(first.headers.get('x-ledger-position')).toBe(at(charge))
  })

  test('at once, a hundred times: one runs, the others are refused as in progress', async () => {
    const key = await shop.newKey('wide')
    const { promise: responded, resolve } = Promise.withResolvers<Response>()
    shop.upstream.respond(() => responded)
    const calls = Array.from({ length: 100 }, () => search('q', { key }))
    const done = calls.map((call) => call.then((response) => response.status))
    // All but the one that runs get their response while it runs.
    await until(async () => {
      const now = await Promise.all(done.map((one) => Promise.race([one, Promise.resolve(0)])))
      return now.filter((status) => status === 409).length === 99
    })
    resolve(Response.json({}))
    expect((await Promise.all(done)).filter((status) => status === 200)).toHaveLength(1)
    expect(shop.upstream.executed).toHaveLength(1)
    expect(await settled(key)).toHaveLength(1)
  })

  test('another part of a whole is another request', async () => {
    const read = (range: string) =>
      shop.fetch('/v1/parts', { headers: { 'idempotency-key': name, range } })
    shop.upstream.respond(() => new Response('abcd', { status: 206 }))
    expect((await read('bytes=0-3')).status).toBe(206)
    expect((await read('bytes=4-7')).status).toBe(422)
    const again = await read('bytes=0-3')
    expect([again.status, await again.text()]).toEqual([206, 'abcd'])
    expect(shop.upstream.executed).toHaveLength(1)
  })

  test('a form is the same whatever its boundary', async () => {
    const form = (language: string) => {
      const body = new FormData()
      body.set('file', new File([wav(1)], 'a.wav', { type: 'audio/wav' }))
      body.set('language', language)
      return body
    }
    const transcribe = (language: string) =>
      shop.fetch('/v1/stt/transcribe', {
        method: 'POST',
        body: form(language),
        headers: { 'idempotency-key': name },
      })
    shop.upstream.respond(() => Response.json({ text: 't', model: 'm', duration_seconds: 1 }))
    expect((await transcribe('en')).headers.get('x-credits-charged')).toBe('10')
    expect((await transcribe('en')).headers.get('idempotent-replayed')).toBe('true')
    expect(await codeOf(await transcribe('de'))).toEqual([422, 'idempotency_mismatch'])
    expect(shop.upstream.executed).toHaveLength(1)
  })

  test('with a response too large to be stored: not run again, and refused by that name', async () => {
    shop.upstream.respond(() => new Response('x'.repeat(200_000)))
    const first = await search()
    await first.text()
    await shop.outcomeOf(idOf(first), 'HoldSettled')
    expect(await codeOf(await search())).toEqual([409, 'answer_not_stored'])
    expect(shop.upstream.executed).toHaveLength(1)
  })

  test('after the response was forgotten: not run again, and refused by that name', async () => {
    await search()
    const { owner } = shop.ledger
    await owner`update stored_responses set stored_at = stored_at - interval '26 hours'`
    await forgetResponses(shop.ledger.sql)
    expect(await owner`select 1 from stored_responses where length(response) > 0`).toHaveLength(0)
    expect(await codeOf(await search())).toEqual([409, 'answer_not_stored'])
    expect(shop.upstream.executed).toHaveLength(1)
  })
})

describe('another request under the same key', () => {
  test('is refused: another body, another query, another path', async () => {
    await search('one')
    expect(await codeOf(await search('two'))).toEqual([422, 'idempotency_mismatch'])
    const path = '/v1/search?more=1'
    expect(await codeOf(await search('one', { path }))).toEqual([422, 'idempotency_mismatch'])
    expect(await codeOf(await search('one', { path: '/v1/broken' }))).toEqual([
      422,
      'idempotency_mismatch',
    ])
    expect(shop.upstream.executed).toHaveLength(1)
  })

  test('of another API key is another call', async () => {
    const sibling = await shop.ledger.key(shop.account)
    await search()
    expect((await search('two', { key: sibling })).status).toBe(200)
    expect(shop.upstream.executed).toHaveLength(2)
  })
})

describe('a replay passes the gate again', () => {
  test('needs no credit', async () => {
    const key = await shop.newKey('three')
    await search('q', { key })
    const headers = { 'idempotency-key': `${name}-other` }
    for (const _ of [1, 2]) {
      await shop.post('/v1/search', { query: 'q' }, { key: key.text, headers: {} })
    }
    expect((await shop.post('/v1/search', {}, { key: key.text, headers })).status).not.toBe(200)
    const again = await search('q', { key })
    expect(again.headers.get('idempotent-replayed')).toBe('true')
    expect(again.headers.get('x-credits-remaining')).toBe('0')
  })

  test('but a key that is still good', async () => {
    const key = await shop.newKey('wide')
    await search('q', { key })
    await shop.ledger.change(key, 'KeyRevoked')
    expect(await codeOf(await search('q', { key }))).toEqual([401, 'unknown_key'])
  })

  test('and a permit under the rate limit, which it gives back', async () => {
    const key = await shop.newKey('slow')
    const statuses = []
    for (let call = 0; call < 6; call++) {
      const response = await search('q', { key })
      statuses.push(response.status)
      expect(response.headers.get('x-ratelimit-remaining')).toBe('2')
    }
    expect(statuses).toEqual(Array(6).fill(200))
    for (const _ of [1, 2]) {
      await shop.post('/v1/search', { query: 'q' }, { key: key.text, headers: {} })
    }
    expect(await codeOf(await search('q', { key }))).toEqual([429, 'rate_limited'])
  })

  test('and keeps it where its body is large: reading one is what permits are for', async () => {
    const key = await shop.newKey('slow')
    const headers = { 'idempotency-key': name }
    const body = `{"query":"q"${' '.repeat(70_000)}}`
    const statuses = []
    for (const _ of [1, 2, 3, 4]) {
      const response = await shop.post('/v1/search', {}, { key: key.text, headers, body })
      statuses.push(response.status)
    }
    expect(statuses).toEqual([200, 200, 200, 429])
  })
})

describe('a first call that was not charged', () => {
  test.each([
    ['was refused by the upstream', () => Response.json({}, { status: 400 })],
    ['failed there', () => new Response('', { status: 500 })],
    ['found it busy', () => new Response('', { status: 503 })],
  ])('and %s: runs again', async (_, response) => {
    shop.upstream.respond(response)
    const first = await search()
    await shop.outcomeOf(idOf(first), 'HoldReleased')
    shop.upstream.respond(() => Response.json({}))
    const again = await search()
    expect(again.status).toBe(200)
    expect(again.headers.has('idempotent-replayed')).toBe(false)
    expect(again.headers.get('x-credits-charged')).toBe('1')
  })

  test('and did not reach the upstream: the key is free again', async () => {
    for (const _ of [1, 2]) {
      const response = await search('q', { path: '/v1/nowhere' })
      expect(await codeOf(response)).toEqual([502, 'upstream_unreachable'])
    }
  })

  test.each([502, 504, 520, 524])(
    'and %d was said in front of the upstream: never runs again',
    async (status) => {
      shop.upstream.respond(() => new Response('', { status }))
      const first = await search()
      expect(first.status).toBe(502)
      await shop.outcomeOf(idOf(first), 'HoldReleased')
      shop.upstream.respond(() => Response.json({}))
      expect(await codeOf(await search())).toEqual([409, 'outcome_unknown'])
      expect(shop.upstream.executed).toHaveLength(0)
    },
  )

  test.each([
    ['had no response in time', '/v1/search', 504],
    ['broke off', '/v1/broken', 502],
  ])('and %s: never runs again', async (_, path, status) => {
    const { promise: never, resolve } = Promise.withResolvers<Response>()
    shop.upstream.respond(() => never)
    raw.respond((socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf'))
    const first = await search('q', { path })
    expect(first.status).toBe(status)
    resolve(new Response())
    await shop.outcomeOf(idOf(first), 'HoldReleased')
    shop.upstream.respond(() => Response.json({}))
    raw.respond((socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}'))
    expect(await codeOf(await search('q', { path }))).toEqual([409, 'outcome_unknown'])
    expect(shop.upstream.executed.length + raw.heads.length).toBe(0)
  })
})

describe('a gateway that died', () => {
  /** Holds as that gateway did, under the test's Idempotency-Key, for a second. */
  async function heldByTheDead(key: TestKey): Promise<{ hold: HoldResult; claim: string }> {
    const record = await readKeyByHash(shop.ledger.sql, hashKey(key.text))
    if (!record) throw new Error('no such key')
    const bytes = new TextEncoder().encode('{"query":"q"}')
    const request = new Request('http://gateway.test/v1/search', { method: 'POST' })
    const claim = claimOf(name, request, '/v1/search', { bytes, content: {} }, {}, record)
    if (!claim) throw new Error('no claim')
    const dead = openGateway(shop.ledger.url, 'gw_dead')
    const hold = await dead.hold(key, 1, { holdSeconds: 1, claim })
    await dead.close()
    return { hold, claim: claim.key }
  }

  test('before it stored a response: in progress, then unknown, and never run again', async () => {
    const key = await shop.newKey('wide')
    const { hold } = await heldByTheDead(key)
    expect(await codeOf(await search('q', { key }))).toEqual([409, 'idempotency_in_progress'])
    await shop.ledger.advance(2_000)
    await shop.outcomeOf(hold.hold.requestId, 'HoldExpired')
    expect(await codeOf(await search('q', { key }))).toEqual([409, 'outcome_unknown'])
    expect(shop.upstream.executed).toHaveLength(0)
  })

  test('after it had stored the response: a retry completes the call, charged once', async () => {
    const key = await shop.newKey('wide')
    const record = await readKeyByHash(shop.ledger.sql, hashKey(key.text))
    const { hold, claim } = await heldByTheDead(key)
    const body = new TextEncoder().encode('{"stored":true}')
    const headers = [['content-type', 'application/json']] as const
    await openStoredResponses(shop.ledger.sql, 5_000).store(
      {
        shard: 0,
        keyId: key.keyId,
        accountId: key.accountId,
        accountSecret: record?.accountSecret ?? null,
        claim,
      },
      { requestId: hold.hold.requestId, quantity: 1 },
      { status: 200, headers, body },
    )
    await shop.ledger.advance(2_000)
    await shop.outcomeOf(hold.hold.requestId, 'HoldExpired')
    const [completed, ...more] = [await search('q', { key }), await search('q', { key })]
    for (const response of [completed, ...more]) {
      expect(response.headers.get('idempotent-replayed')).toBe('true')
      expect(await response.json()).toEqual({ stored: true })
    }
    expect(completed.headers.get('x-credits-charged')).toBe('1')
    expect(more[0]?.headers.get('x-credits-charged')).toBe('0')
    expect(await settled(key)).toHaveLength(1)
    expect(shop.upstream.executed).toHaveLength(0)
  })
})

describe('a charge that was refunded since nobody knew whether its response arrived', () => {
  const undelivered = (requestId: string) => `undelivered:${requestId}`
  const refundCharge = (requestId: string) =>
    shop.ledger.commands.refund(0, { requestId, externalId: undelivered(requestId), actor: 'test' })

  /** A call whose response its gateway withheld, as the ledger has it. */
  async function undeliveredCall(key: TestKey): Promise<string> {
    const requestId = idOf(await search('q', { key })) ?? ''
    await shop.ledger.owner`
      insert into withheld (position, shard)
      select position, shard from events where request_id = ${requestId} and type = 'HoldSettled'`
    return requestId
  }

  test('delivers no response any more, and does not run again', async () => {
    const key = await shop.newKey('wide')
    const requestId = await undeliveredCall(key)
    expect(await refundCharge(requestId)).toMatchObject({ verdict: 'ok', credits: 1 })
    for (const _ of [1, 2]) {
      expect(await codeOf(await search('q', { key }))).toEqual([409, 'outcome_unknown'])
    }
    expect(await refundCharge(requestId)).toMatchObject({ verdict: 'ok', credits: 1 })
    expect(shop.upstream.executed).toHaveLength(1)
  })

  test('is not refunded after its response was delivered again', async () => {
    const key = await shop.newKey('wide')
    const requestId = await undeliveredCall(key)
    expect((await search('q', { key })).headers.get('idempotent-replayed')).toBe('true')
    expect(await refundCharge(requestId)).toMatchObject({ verdict: 'delivery_not_unknown' })
    // An operator may refund what arrived.
    const byOperator = { requestId, externalId: 'goodwill', actor: 'test' }
    expect(await shop.ledger.commands.refund(0, byOperator)).toMatchObject({ verdict: 'ok' })
    expect((await search('q', { key })).status).toBe(200)
  })

  test('is refunded, or its response is delivered again, and never both', async () => {
    const key = await shop.newKey('wide')
    for (let round = 0; round < 12; round++) {
      name = `order-${newRequestId()}`
      const requestId = await undeliveredCall(key)
      const [refund, again] = await Promise.all([refundCharge(requestId), search('q', { key })])
      expect([refund.verdict, again.status]).toBeOneOf([
        ['ok', 409],
        ['delivery_not_unknown', 200],
      ])
    }
  })
})

describe('a call of price 0', () => {
  const voices = (key: TestKey, path = '/v1/tts/voices', more = {}) =>
    shop.fetch(path, { key: key.text, headers: { 'idempotency-key': name }, ...more })
  /** How often the key's calls were counted, as charges of 0 credits and without a hold. */
  async function countedOf({ keyId }: TestKey) {
    const events = await shop.ledger.sql<{ type: string }[]>`
      select type from events where key_id = ${keyId} and type in ('HoldSettled', 'CallsCounted')`
    return events.map(({ type }) => type)
  }

  test('runs once and is counted once, and its retries get its response again', async () => {
    const key = await shop.newKey('wide')
    const responses = [await voices(key), await voices(key), await voices(key)]
    expect(responses.map(({ status }) => status)).toEqual([200, 200, 200])
    const bodies = await Promise.all(responses.map((response) => response.text()))
    expect(new Set(bodies).size).toBe(1)
    expect(shop.upstream.executed).toHaveLength(1)
    const replayed = responses.map(({ headers }) => headers.get('idempotent-replayed'))
    expect(replayed).toEqual([null, 'true', 'true'])
    for (const { headers } of responses) {
      expect(headers.get('x-credits-charged')).toBe('0')
      expect(headers.get('x-ledger-position')).toBe(
        responses[0]?.headers.get('x-ledger-position') ?? '',
      )
    }
    expect(await shop.eventsOf(idOf(responses[0] as Response))).toMatchObject([
      { type: 'CreditsHeld', credits: 0 },
      { type: 'HoldSettled', credits: 0, quantity: 1 },
    ])
    await voices(key, '/v1/tts/voices', { headers: {} })
    await until(async () => (await countedOf(key)).length === 2)
    expect(await countedOf(key)).toEqual(['HoldSettled', 'CallsCounted'])
  })

  test('whose response stands in the configuration, too', async () => {
    const key = await shop.newKey('wide')
    const [first, again] = [
      await voices(key, '/v1/tts/languages'),
      await voices(key, '/v1/tts/languages'),
    ]
    expect(await again.text()).toBe(await first.text())
    expect(again.headers.get('idempotent-replayed')).toBe('true')
    expect(await countedOf(key)).toEqual(['HoldSettled'])
  })

  test('that is still running is refused as in progress, and for another request as a mismatch', async () => {
    const key = await shop.newKey('wide')
    const { promise: responded, resolve } = Promise.withResolvers<Response>()
    shop.upstream.respond(() => responded)
    const running = voices(key)
    await until(() => shop.upstream.executed.length === 1)
    expect(await codeOf(await voices(key))).toEqual([409, 'idempotency_in_progress'])
    const path = '/v1/tts/voices?more=1'
    expect(await codeOf(await voices(key, path))).toEqual([422, 'idempotency_mismatch'])
    resolve(Response.json({}))
    expect((await running).status).toBe(200)
    expect(shop.upstream.executed).toHaveLength(1)
  })

  test('needs no credits: not of a plan without any, nor beside a debt, nor under a cap that is reached', async () => {
    const poor = await shop.ledger.key(await shop.ledger.account({ plan: 'poor' }))
    const owing = await shop.newKey('poor')
    const { accountId } = owing
    await shop.ledger.commands.adjust(0, { accountId, mode: 'live', credits: 7, actor: 'test' })
    const capped = await shop.newKey('wide', { monthlyCap: 0 })
    for (const key of [poor, owing, capped]) {
      const [first, again] = [await voices(key), await voices(key)]
      expect([first.status, again.status]).toEqual([200, 200])
      expect(again.headers.get('idempotent-replayed')).toBe('true')
    }
  })

  test('counts as a call in flight, and is refused to a frozen account', async () => {
    const key = await shop.newKey('wide')
    const { promise: responded, resolve } = Promise.withResolvers<Response>()
    shop.upstream.respond(() => responded)
    await shop.ledger.change(key.account, 'AccountLimitsChanged', {
      ...{ rateLimit: null, maxInFlight: 1 },
    })
    const running = voices(key)
    await until(() => shop.upstream.executed.length === 1)
    name = `order-${newRequestId()}`
    expect(await codeOf(await voices(key))).toEqual([429, 'concurrency_exceeded'])
    resolve(Response.json({}))
    expect((await running).status).toBe(200)
    await shop.ledger.change(key.account, 'AccountFrozen')
    expect(await codeOf(await voices(key))).toEqual([403, 'account_frozen'])
  })

  test('that failed at its upstream is counted as an error, and runs again', async () => {
    const key = await shop.newKey('wide')
    shop.upstream.respond(() => new Response('', { status: 500 }))
    const first = await voices(key)
    expect(await codeOf(first)).toEqual([502, 'upstream_failed'])
    await shop.outcomeOf(idOf(first), 'HoldReleased')
    shop.upstream.respond(() => Response.json({}))
    expect((await voices(key)).headers.has('idempotent-replayed')).toBe(false)
    expect(await countedOf(key)).toEqual(['HoldSettled'])
  })

  test('whose gateway is killed after it ran is completed by a retry, and counted once', async () => {
    const key = await shop.newKey('wide')
    const gateway = await startGatewayProcess({
      ...{ databaseUrl: shop.ledger.url, upstream: shop.upstream.url },
      config,
    })
    const lock = await shop.ledger.owner.reserve()
    shop.upstream.respond(async ({ requestId }) => {
      // From now on nothing is appended: the response is stored, and its gateway dies before it is settled.
      await lock`begin`
      await lock`select enter_shard(0::smallint)`
      return Response.json({ made: requestId })
    })
    const headers = { 'idempotency-key': name, 'x-api-key': key.text }
    const call = fetch(`${gateway.url}/v1/tts/voices`, { headers }).catch(() => undefined)
    await until(async () => (await storedOf(key)).length === 1)
    const waiting = lock`from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock' and query like '%append_v1%'`
    await until(async () => (await lock`select pid ${waiting}`).length > 0)
    await gateway.kill()
    await call
    // What it had sent is not written either.
    await lock`select pg_terminate_backend(pid) ${waiting}`
    await lock`rollback`
    lock.release()

    await until(async () => (await codeOf(await voices(key)))[1] === 'idempotency_in_progress')
    await shop.ledger.advance(901_000)
    await until(async () => (await voices(key)).status === 200)
    const again = await voices(key)
    expect(again.headers.get('idempotent-replayed')).toBe('true')
    expect(await again.json()).toEqual({ made: shop.upstream.executed[0]?.requestId })
    expect(shop.upstream.executed).toHaveLength(1)
    expect(await countedOf(key)).toEqual(['HoldSettled'])
  })

  const storedOf = ({ keyId }: TestKey) => shop.ledger.sql`
    select 1 from stored_responses where key_id = ${keyId}`
})

describe('what is stored', () => {
  test('can be read by nobody who has the database alone', async () => {
    shop.upstream.respond(() => Response.json({ secret: 'the-response' }))
    await search()
    const rows = await shop.ledger.sql<{ response: Uint8Array; claim: string }[]>`
      select response, claim from stored_responses`
    expect(rows.length).toBeGreaterThan(0)
    for (const { response, claim } of rows) {
      expect(Buffer.from(response).toString('latin1')).not.toContain('the-response')
      expect(claim).not.toContain(name)
    }
  })

  test('a key that is none is refused: empty, with a space, too long', async () => {
    for (const unusable of [' ', 'a b', 'ä', 'x'.repeat(256)]) {
      const headers = new Headers()
      headers.set('idempotency-key', unusable)
      const response = await shop.post('/v1/search', { query: 'q' }, { headers })
      expect(await codeOf(response)).toEqual([400, 'invalid_request'])
    }
    expect(shop.upstream.executed).toHaveLength(0)
  })
})

/** A silent file of this many seconds. */
function wav(seconds: number): Uint8Array<ArrayBuffer> {
  const bytes = 8_000 * seconds
  const file = Buffer.alloc(44 + bytes, 128)
  file.write('RIFF', 0)
  file.writeUInt32LE(36 + bytes, 4)
  file.write('WAVEfmt ', 8)
  file.writeUInt32LE(16, 16)
  file.writeUInt16LE(1, 20)
  file.writeUInt16LE(1, 22)
  file.writeUInt32LE(8_000, 24)
  file.writeUInt32LE(8_000, 28)
  file.writeUInt16LE(1, 32)
  file.writeUInt16LE(8, 34)
  file.write('data', 36)
  file.writeUInt32LE(bytes, 40)
  return new Uint8Array(file)
}
