/** What support may do, and how far: everything else is an admin's. */
import { afterAll, describe, expect, test } from 'bun:test'
import { signToken } from '../../src/http/auth/sign-token.ts'
import { requireSmallRefund } from '../../src/http/routes/operator/support.ts'
import { jwtSecret } from '../support/running-gateway.ts'
import { openShop } from '../support/shop.ts'

const shop = await openShop({
  dedicatedHolds: true,
  config: { supportRole: 'support', support: { maxGrant: 20, maxRefund: 0 } },
})
afterAll(() => shop.close())
const { accountId } = shop.account

async function ask(role: string, method: string, path: string, json?: object) {
  const token = await signToken({ secret: jwtSecret, subject: role, role, expiresInSeconds: 60 })
  const response = await fetch(shop.gateway.url + path, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ...(json && { body: JSON.stringify(json) }),
  })
  const body = (await response.json()) as { detail?: string }
  return { status: response.status, detail: body.detail }
}

const grants = `/admin/accounts/${accountId}/grants`

test('support grants promotional credits up to its bound, and no paid ones; an admin has no bound', async () => {
  const grant = { kind: 'promotional', credits: 20 }
  expect((await ask('support', 'POST', grants, grant)).status).toBe(201)
  expect(await ask('support', 'POST', grants, { ...grant, credits: 21 })).toEqual({
    status: 403,
    detail: 'Support grants at most 20 credits at once (support.maxGrant). An admin may.',
  })
  expect(await ask('support', 'POST', grants, { ...grant, kind: 'paid' })).toEqual({
    status: 403,
    detail: 'Support grants promotional credits, and no paid ones. An admin may.',
  })
  expect((await ask('admin', 'POST', grants, { ...grant, credits: 21 })).status).toBe(201)
})

test('support refunds up to its bound, also where the request names no credits', async () => {
  const response = await shop.post('/v1/search', { query: 'toll' })
  const refund = `/admin/charges/${response.headers.get('x-request-id')}/refund`
  for (const body of [undefined, {}, { credits: 1 }]) {
    expect(await ask('support', 'POST', refund, body)).toEqual({
      status: 403,
      detail: 'Support refunds at most 0 credits at once (support.maxRefund). An admin may.',
    })
  }
  expect((await ask('support', 'POST', '/admin/charges/unknown/refund')).status).toBe(404)
  expect((await ask('admin', 'POST', refund)).status).toBe(201)
})

test('support refunds nothing of a call that may settle meanwhile, for more than its bound', async () => {
  const notYet = async () => undefined
  const bounds = { maxGrant: 20, maxRefund: 20 }
  const ofSupport = { subject: 'sue', role: 'support' } as const
  const refusal = requireSmallRefund(ofSupport, undefined, notYet, bounds)
  await expect(refusal).rejects.toMatchObject({ refusal: { code: 'not_found' } })
  await requireSmallRefund(ofSupport, 20, notYet, bounds)
  await requireSmallRefund({ subject: 'ann', role: 'admin' }, undefined, notYet, bounds)
})

describe('support freezes an account', () => {
  const path = `/admin/accounts/${accountId}`
  test.each([
    { frozen: false },
    { plan: 'enterprise' },
    { frozen: true, plan: 'enterprise' },
    { frozen: true, limits: { maxInFlight: 1 } },
    { limits: {} },
    { budgets: [] },
    { profile: { name: 'Acme' } },
    {},
  ])('and is refused %j', async (change) => {
    expect(await ask('support', 'PATCH', path, change)).toEqual({
      status: 403,
      detail: 'Support may freeze an account, and change nothing else of it. An admin may.',
    })
  })

  test('with a reason, and only an admin takes it back', async () => {
    const frozen = { frozen: true, reason: 'leaked key' }
    expect((await ask('support', 'PATCH', path, frozen)).status).toBe(200)
    expect((await shop.post('/v1/search', { query: 'toll' })).status).toBe(403)
    expect((await ask('admin', 'PATCH', path, { frozen: false })).status).toBe(200)
  })
})

test('what support has done stands in the log as its own', async () => {
  const actors = await shop.ledger.sql<{ actor: string }[]>`
    select distinct actor from events where type = 'AccountFrozen'`
  expect([...actors]).toEqual([{ actor: 'support:support' }])
})

test('an owner reads that an operator has revoked his key, and not which', async () => {
  const { keyId } = await shop.ledger.key(shop.account)
  const revoked = await ask('support', 'DELETE', `/admin/api-keys/${keyId}`, { reason: 'leaked' })
  expect(revoked.status).toBe(200)
  const token = await signToken({
    ...{ secret: jwtSecret, subject: shop.account.owner.id, expiresInSeconds: 60 },
  })
  const response = await fetch(`${shop.gateway.url}/api-keys/${keyId}/events`, {
    headers: { authorization: `Bearer ${token}` },
  })
  const { events } = (await response.json()) as { events: { type: string; actor: string }[] }
  expect(events.at(-1)).toMatchObject({ type: 'KeyRevoked', actor: 'operator' })
})
