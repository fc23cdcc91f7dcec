/** The client of docs/client.md, against a gateway that runs. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { treaty } from '@elysiajs/eden'
import { tryKey } from '../../docs/examples/client.ts'
import { signToken } from '../../src/http/auth/sign-token.ts'
import type { App } from '../../src/server/app.ts'
import { jwtSecret } from '../support/running-gateway.ts'
import { openShop, type Shop } from '../support/shop.ts'

let shop: Shop
beforeAll(async () => {
  shop = await openShop()
})
afterAll(() => shop.close())

const tokenOf = (subject: string) => signToken({ secret: jwtSecret, subject, expiresInSeconds: 60 })

test('the example issues a key, makes a call with it and reads what it cost', async () => {
  const result = await tryKey(shop.gateway.url, await tokenOf('olga'))
  expect(result).toMatchObject({ plan: 'free', charged: 1, left: 99 })
  const [settled] = await shop.ledger.sql<{ at: string; accountId: string; keyId: string }[]>`
    select concat_ws('-', shard, position) as at, account_id as "accountId", key_id as "keyId"
    from events where type = 'HoldSettled'`
  const { settledAt, accountId, keyId } = result
  expect(settled).toEqual({ at: settledAt ?? '', accountId, keyId })
})

test('the example fails with the refusal when its token is not valid', async () => {
  const failure = await tryKey(shop.gateway.url, 'nonsense').catch((error) => error)
  expect(failure.cause).toMatchObject({ code: 'unauthorized', status: 401 })
})

test('a client has the types of the routes: a wrong request does not compile, and is refused', async () => {
  const headers = { authorization: `Bearer ${await tokenOf('olga')}` }
  const client = treaty<App>(shop.gateway.url, { headers })
  // @ts-expect-error a key has a name
  const { error } = await client['api-keys'].post({ nme: 'Example' })
  expect(error?.status as number).toBe(400)
  const { data } = await client['api-keys'].get()
  // @ts-expect-error it is called `id`
  expect(data?.apiKeys[0]?.keyId).toBeUndefined()
})
