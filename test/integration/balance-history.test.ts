/** What an account had left over the last days, and what is expected to be lost of it. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { readBalanceHistory } from '../../src/reports/account/balance-history.ts'
import { catchUpAll } from '../support/catch-up-all.ts'
import { type Ledger, openLedger, type TestKey } from '../support/test-ledger.ts'

let ledger: Ledger
let key: TestKey
beforeAll(async () => {
  ledger = await openLedger()
  key = await ledger.key(await ledger.account({ plan: 'none' }))
})
afterAll(() => ledger.close())

async function charge(credits: number): Promise<void> {
  const { hold } = await ledger.hold(key, credits)
  await ledger.settle(hold, credits)
}

test('a lot that has expired while a call holds of it is nothing that will be lost', async () => {
  const { accountId } = key.account
  const history = async (days: number) => {
    await catchUpAll(ledger.sql)
    return readBalanceHistory(ledger.sql, accountId, 'live', days)
  }
  const expiresAt = '2030-06-19T10:00:00.000Z'
  await ledger.grant(key.account, 100, { expiresAt })
  await ledger.grant(key.account, 40)
  for (const day of [16, 17, 18]) {
    await ledger.travelTo(`2030-06-${day}T12:00:00Z`)
    await charge(10)
  }
  await ledger.travelTo('2030-06-19T09:59:00Z')
  await ledger.hold(key, 5)
  const before = await history(4)
  expect(before?.days).toEqual(['2030-06-16', '2030-06-17', '2030-06-18', '2030-06-19'])
  expect(before?.kinds).toEqual([{ kind: 'promotional', credits: [130, 120, 110, 110] }])
  // The days before the first one count, too.
  expect((await history(2))?.kinds).toEqual([{ kind: 'promotional', credits: [110, 110] }])

  await ledger.travelTo('2030-06-19T10:00:10Z')
  const after = await history(2)
  expect(after?.kinds).toEqual([{ kind: 'promotional', credits: [110, 40] }])
  expect(after?.forecast?.lapses).toEqual([])
})
