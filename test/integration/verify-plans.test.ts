/** What verify says of a charge that names no plan, beside one of the same figures that does. */
import { expect, test } from 'bun:test'
import type { Plan } from '../../src/config/config.ts'
import { hashAgain } from '../mutations/copies.ts'
import { faultsIn } from '../mutations/faults-in.ts'
import { openLedger, testTariff } from '../support/test-ledger.ts'
import { openVandal } from '../support/vandal.ts'

test('a charge that lost its plan is named, and its sound neighbour is not', async () => {
  const { plans, prices } = testTariff
  const ofPartner = { search: { per: 'request', credits: 2 } as const }
  const partner = { ...(plans.free as Plan), prices: ofPartner }
  const ledger = await openLedger({ tariff: { plans: { ...plans, partner }, prices } })
  const vandal = await openVandal(ledger.url)
  try {
    const key = await ledger.key(await ledger.account({ plan: 'partner' }))
    const ends: number[] = []
    for (let n = 0; n < 2; n++) {
      const { hold } = await ledger.hold(key, 6, { plan: 'partner', quantity: 3 })
      ends.push((await ledger.settle(hold, 4, { quantity: 2 })).position)
    }
    expect(await faultsIn(ledger.url)).toEqual([])
    const [, second = 0] = ends
    await vandal`update events set payload = '{}' where position = ${second}`
    await hashAgain(vandal, [second])
    const faults = await faultsIn(ledger.url)
    expect([...new Set(faults.map(({ position }) => position))]).toEqual([second])
  } finally {
    await vandal.end()
    await ledger.close()
  }
})
