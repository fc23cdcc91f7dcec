/** How often owners, operators and auditors may ask management, and what they are told of it. */
import { afterAll, describe, expect, test } from 'bun:test'
import { defaults } from '../../src/config/defaults.ts'
import { signToken } from '../../src/http/auth/sign-token.ts'
import { type ApiDocument, checkDocument } from '../support/api-document.ts'
import { jwtSecret } from '../support/running-gateway.ts'
import { openShop } from '../support/shop.ts'

const limits = {
  ...{ maxOwnerRequestsPerMinute: 12, maxOwnerChangesPerMinute: 3 },
  maxOperatorRequestsPerMinute: 15,
}
const shop = await openShop({ config: { limits } })
afterAll(() => shop.close())
const { url } = shop.gateway
const check = checkDocument((await (await fetch(`${url}/docs/json`)).json()) as ApiDocument)

interface Who {
  readonly role?: string
  readonly organisation?: string
}

async function ask(subject: string, method: string, path: string, who: Who = {}, json?: object) {
  const { role, organisation } = who
  const token = await signToken({
    ...{ secret: jwtSecret, subject, role, expiresInSeconds: 60 },
    ...(organisation && { organisation: { claim: 'org_id', id: organisation } }),
  })
  return fetch(url + path, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ...(json && { body: JSON.stringify(json) }),
  })
}

const change = (subject: string, who?: Who) =>
  ask(subject, 'POST', '/api-keys', who, { name: 'A key' })
const read = (subject: string, who?: Who) => ask(subject, 'GET', '/api-keys', who)

async function statuses(count: number, request: () => Promise<Response>): Promise<number[]> {
  const found: number[] = []
  for (let n = 0; n < count; n++) found.push((await request()).status)
  return found
}

/** The status, this many times. */
const times = (count: number, status: number): number[] => Array(count).fill(status)

async function endOfLog(): Promise<number> {
  const [row] = await shop.ledger.sql<[{ position: number }]>`select position from heads`
  return row.position
}

test('an owner has a limit of requests, whatever they ask, and others have theirs', async () => {
  expect(await statuses(12, () => read('ann'))).toEqual(times(12, 200))
  expect((await read('ann')).status).toBe(429)
  expect((await ask('ann', 'GET', '/account/balance')).status).toBe(429)
  expect((await ask('ann', 'PATCH', '/api-keys/none', {}, { name: 'x' })).status).toBe(429)
  expect((await read('ben')).status).toBe(200)
})

test('an owner has a limit of changes of its own, and reads on; nothing more is appended', async () => {
  expect(await statuses(3, () => change('cleo'))).toEqual(times(3, 201))
  const before = await endOfLog()
  expect(await statuses(4, () => change('cleo'))).toEqual(times(4, 429))
  expect(await endOfLog()).toBe(before)
  expect((await read('cleo')).status).toBe(200)
})

test('a request that is refused has used its permit', async () => {
  const wrong = () => ask('dan', 'POST', '/api-keys', {}, { name: 7 })
  expect(await statuses(3, wrong)).toEqual(times(3, 400))
  expect((await wrong()).status).toBe(429)
})

test('members of an organisation share its limits, and each keeps those of a user', async () => {
  const acme = { organisation: 'acme' }
  expect(await statuses(2, () => change('eve', acme))).toEqual(times(2, 201))
  expect((await change('fay', acme)).status).toBe(201)
  expect((await change('gil', acme)).status).toBe(429)
  expect((await change('eve')).status).toBe(201)
})

describe('operators and auditors', () => {
  for (const role of ['admin', 'auditor']) {
    test(`a limit of requests holds for each ${role}`, async () => {
      const list = (subject: string) => ask(subject, 'GET', '/admin/api-keys', { role })
      expect(await statuses(15, () => list(`${role}-1`))).toEqual(times(15, 200))
      expect((await list(`${role}-1`)).status).toBe(429)
      expect((await list(`${role}-2`)).status).toBe(200)
    })
  }

  test('an operator is no owner whose changes are few', async () => {
    const issue = () => change('operator-3', { role: 'admin' })
    expect(await statuses(5, issue)).toEqual(times(5, 201))
  })
})

describe('the headers of calls say how the limit stands:', () => {
  test('of a response', async () => {
    const response = await read('hal')
    expect(response.headers.get('ratelimit-policy')).toBe('"management";q=12;w=60')
    expect(response.headers.get('ratelimit')).toBe('"management";r=11')
    expect(response.headers.get('x-ratelimit-remaining')).toBe('11')
    await check.expectDocumented('GET', '/api-keys', response)
  })

  test('of a statement as a file', async () => {
    expect((await change('hana')).status).toBe(201)
    const path = '/account/statements/2030-06?format=csv'
    const response = await ask('hana', 'GET', path)
    expect(response.headers.get('x-ratelimit-remaining')).toMatch(/^\d+$/)
  })

  test('of a request that is not valid', async () => {
    const response = await ask('ian', 'POST', '/api-keys', {}, { name: 7 })
    expect(response.headers.get('x-ratelimit-remaining')).toBe('2')
    await check.expectDocumented('POST', '/api-keys', response)
  })

  test('of a refusal, with the time to wait', async () => {
    await statuses(3, () => change('joe'))
    const response = await change('joe')
    expect(response.status).toBe(429)
    expect(Number(response.headers.get('retry-after'))).toBeWithin(1, 61)
    expect(response.headers.get('ratelimit-policy')).toBe('"management";q=3;w=60')
    expect(response.headers.get('x-ratelimit-remaining')).toBe('0')
    const problem = await check.expectDocumented('POST', '/api-keys', response)
    const detail = 'At most 3 requests of this kind a minute; try again later.'
    expect(problem).toMatchObject({ code: 'rate_limited', detail })
  })
})

test('who is not signed in uses nobody’s limit', async () => {
  const { status, headers } = await fetch(`${url}/api-keys`)
  expect(status).toBe(401)
  expect(headers.has('ratelimit')).toBe(false)
})

test('without configuration, an owner can change 30 things a minute', () => {
  expect(defaults.limits).toMatchObject({
    ...{ maxOwnerRequestsPerMinute: 300, maxOwnerChangesPerMinute: 30 },
    maxOperatorRequestsPerMinute: 3_000,
  })
})
