/** What is sold in tiers, several commands in one batch: only what was charged counts in the volume that the next command goes by. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import {
  chargeOnLeaseCommand,
  holdCommand,
  leaseCommand,
  settleCommand,
  voidOnLeaseCommand,
} from '../support/gateway.ts'
import { openProducer } from '../support/producer.ts'
import { type Ledger, openLedger, testTariff } from '../support/test-ledger.ts'

/** The sixth thing of a month costs more than those before it. */
const tiers = [{ upTo: 5, credits: 3 }, { credits: 4 }]
const mostFor = (quantity: number) => 4 * quantity
const things = { endpoint: 'things', tiered: {} }

let ledger: Ledger
beforeAll(async () => {
  const prices = { ...testTariff.prices, things: { per: 'request', tiers } } as const
  ledger = await openLedger({ tariff: { ...testTariff, prices } })
})
afterAll(() => ledger.close())

test.each(['settle', 'charge_on_lease'] as const)(
  'a refused charge adds nothing to the volume, whatever ends uncharged after it (%s)',
  async (next) => {
    const account = await ledger.account({ plan: 'none' })
    await ledger.grant(account, 1_000)
    const key = await ledger.key(account)
    const lease = leaseCommand(key, 100, 5)
    const hold = () => holdCommand(key, mostFor(5), { ...things, quantity: 5 })
    const [ended, open] = [hold(), hold()]
    const producer = await openProducer(ledger.sql)
    const charge = settleCommand(ended, mostFor(5), { quantity: 5 })
    expect(await producer.verdicts([lease, ended, open])).toEqual(['ok', 'ok', 'ok'])
    await ledger.release(ended)

    const last =
      next === 'settle'
        ? settleCommand(open, mostFor(1), { quantity: 1 })
        : chargeOnLeaseCommand(key, lease, mostFor(1), { ...things, quantity: 1 })
    const commands = [charge, voidOnLeaseCommand(key, lease), last]
    expect(await producer.verdicts(commands)).toEqual(['hold_not_open', 'ok', 'ok'])
    const charges = await ledger.sql`
      select credits, (payload ->> 'volume')::integer as volume from events
      where account_id = ${account.accountId} and type = 'HoldSettled'`
    expect([...charges]).toEqual([{ credits: 3, volume: 0 }])
  },
)
