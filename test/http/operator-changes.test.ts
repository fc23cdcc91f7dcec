/** What operators do is done once, and on what they have seen. */
import { afterAll, describe, expect, test } from 'bun:test'
import { openTestApp, token } from '../support/management-test-app.ts'

const app = await openTestApp()
const { get, handle, issue, charge, ledger } = app
afterAll(() => app[Symbol.asyncDispose]())

async function send(
  method: string,
  path: string,
  json: object,
  headers: Record<string, string> = {},
) {
  const response = await handle(
    new Request(`http://localhost${path}`, {
      method,
      headers: {
        ...{ authorization: `Bearer ${await token('admin')}`, 'content-type': 'application/json' },
        ...headers,
      },
      body: JSON.stringify(json),
    }),
  )
  return { status: response.status, json: await response.json() }
}

const typesOf = async (accountId: string) =>
  (
    await ledger.sql<{ type: string }[]>`
    select type from events where account_id = ${accountId} order by position`
  ).map(({ type }) => type)

describe('If-Match of a change', () => {
  test('412: the account has changed since it was read, and nothing is changed', async () => {
    const { accountId } = await issue('u1')
    const path = `/admin/accounts/${accountId}`
    const { account } = await get('admin', 'GET', path)
    const seen = { 'if-match': `"${account.version}"` }
    expect((await send('PATCH', path, { frozen: true }, seen)).status).toBe(200)
    const before = await typesOf(accountId)
    for (const body of [{ frozen: true }, { frozen: false }, { plan: 'pro' }]) {
      const { status, json } = await send('PATCH', path, body, seen)
      expect([status, json.code]).toEqual([412, 'precondition_failed'])
    }
    expect(await typesOf(accountId)).toEqual(before)
  })

  test('of many at once, one changes it', async () => {
    const { accountId } = await issue('u2')
    const path = `/admin/accounts/${accountId}`
    const { account } = await get('admin', 'GET', path)
    const seen = { 'if-match': String(account.version) }
    const before = await typesOf(accountId)
    const sent = [1, 2, 3, 4, 5].map((maxInFlight) =>
      send('PATCH', path, { limits: { maxInFlight } }, seen),
    )
    const statuses = (await Promise.all(sent)).map(({ status }) => status).sort()
    expect(statuses).toEqual([200, 412, 412, 412, 412])
    expect(await typesOf(accountId)).toHaveLength(before.length + 1)
  })

  test.each(['x', '*', 'W/"1"', '-1', '"1'])('400: %s is no version', async (version) => {
    const path = '/admin/accounts/acc_1'
    const { status, json } = await send('PATCH', path, { frozen: true }, { 'if-match': version })
    expect([status, json.errors[0].pointer]).toEqual([400, 'header/if-match'])
  })
})

describe('an Idempotency-Key', () => {
  test('moves credits once, however often it is sent, and says the same', async () => {
    const { id, accountId } = await issue('u3')
    const requestId = await charge(id, 7)
    const account = `/admin/accounts/${accountId}`
    for (const [path, body, type] of [
      [`${account}/grants`, { credits: 5, kind: 'promotional' }, 'CreditsGranted'],
      [`${account}/adjustments`, { credits: 3 }, 'CreditsAdjusted'],
      [`/admin/charges/${requestId}/refund`, { credits: 7 }, 'ChargeRefunded'],
    ] as const) {
      const count = async () => (await typesOf(accountId)).filter((name) => name === type).length
      const before = await count()
      const key = { 'idempotency-key': crypto.randomUUID() }
      const first = await send('POST', path, body, key)
      expect([path, first.status]).toEqual([path, 201])
      const again = await Promise.all([1, 2, 3].map(() => send('POST', path, body, key)))
      for (const one of again) expect(one).toEqual(first)
      expect((await send('POST', path, { ...body, credits: 1 }, key)).status).toBe(409)
      expect(await count()).toBe(before + 1)
    }
  })

  test('stands behind the externalId of the body', async () => {
    const { accountId } = await issue('u4')
    const grant = { credits: 5, kind: 'promotional', externalId: 'order-1' }
    const sent = ['a', 'b'].map((key) =>
      send('POST', `/admin/accounts/${accountId}/grants`, grant, { 'idempotency-key': key }),
    )
    const [one, two] = await Promise.all(sent)
    expect(one).toEqual(two as never)
  })
})
