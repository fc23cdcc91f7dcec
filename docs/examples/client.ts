/**
 * A client in TypeScript whose types come from the gateway's own routes: what an owner's program does to
 * get a key, and what a customer's program does with it.
 *
 *   bun docs/examples/client.ts http://127.0.0.1:3030 <owner's token>
 */
import { treaty } from '@elysiajs/eden'
import type { App } from '../../src/server/app.ts'

/** Issues a key, makes a call with it and reads what the call cost. */
export async function tryKey(gateway: string, token: string) {
  const owner = treaty<App>(gateway, { headers: { authorization: `Bearer ${token}` } })
  const { key, apiKey } = dataOf(await owner['api-keys'].post({ name: 'Example' }))

  // The calls that are sold stand in the configuration, so their types do not come from here.
  const response = await fetch(`${gateway}/v1/search`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-api-key': key },
    body: JSON.stringify({ query: 'honey' }),
  })
  if (!response.ok) throw new Error(`The search failed: ${await response.text()}`)
  const requestId = response.headers.get('x-request-id') ?? ''

  const customer = treaty<App>(gateway, { headers: { 'x-api-key': key } })
  const charge = dataOf(await customer.v1.charges({ requestId }).get())
  const { credits, plan } = dataOf(await customer.v1.key.get())
  const { account } = dataOf(await owner.account.get())
  return {
    keyId: apiKey.id,
    accountId: account.accountId,
    plan,
    charged: charge.credits,
    settledAt: charge.positions.settled,
    left: credits.available,
  }
}

/** The response's data. A refusal's value is a problem document: `code` for programs, `detail` for people. */
function dataOf<T>(result: { data: T; error: { value: unknown } | null }): NonNullable<T> {
  if (result.error || result.data === null || result.data === undefined) {
    throw new Error('Refused', { cause: result.error?.value })
  }
  return result.data
}

if (import.meta.main) {
  const [gateway = 'http://127.0.0.1:3030', token = ''] = process.argv.slice(2)
  console.log(await tryKey(gateway, token))
}
