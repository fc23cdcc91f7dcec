/**
 * What a month bills for overage: the fee for each started `per` credits that calls have used of the lot, less what was refunded. A refund
 * of a later month is that month's, and so is what another time zone counts there: a statement bills what a lot comes to by the period's
 * end, less what it came to before.
 */
import { printPosition } from '../../../events/event.ts'
import { entryOf } from '../../../events/event-types.ts'
import type { OverageTerms } from '../../../events/overage-terms.ts'
import { type Sum, subtractSums, toSum } from '../../lib/sums.ts'
import { overageFee } from '../../pricing/overage-fee.ts'
import type { LotSum } from './lot-sums.ts'
import type { StatementEvent } from './statement-events.ts'

export interface OverageLine extends OverageTerms {
  readonly lot: string
  /** Settled in the period, less refunded in it; of a month after the lot's own it can be below zero. */
  readonly credits: Sum
  readonly billed: { readonly minorUnits: Sum; readonly currency: string }
}

export function overageLines(
  shard: number,
  grants: readonly StatementEvent[],
  sums: readonly LotSum[],
): OverageLine[] {
  return grants.flatMap(({ position, payload }) => {
    if (payload?.kind !== 'overage') return []
    const { fee, per } = payload.overage as OverageTerms
    const ofLot = sums.filter(({ lot }) => lot === position)
    const before = usedOf(ofLot.filter(({ periodBucket }) => periodBucket === 0))
    const used = usedOf(ofLot.filter(({ periodBucket }) => periodBucket < 2))
    if (used === before) return []
    const minorUnits = subtractSums(
      overageFee({ fee, per }, used),
      overageFee({ fee, per }, before),
    )
    return [
      {
        ...{ lot: printPosition({ shard, position }), credits: toSum(used - before), fee, per },
        billed: { minorUnits, currency: fee.currency },
      },
    ]
  })
}

function usedOf(sums: readonly LotSum[]): bigint {
  return sums.reduce((used, { type, moved }) => {
    const moves = entryOf(type)?.moves
    if (moves === 'settled') return used + BigInt(moved)
    return moves === 'refunded' ? used - BigInt(moved) : used
  }, 0n)
}
