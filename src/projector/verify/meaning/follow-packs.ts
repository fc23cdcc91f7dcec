/** Packs: granted as the tariff in force has them. */
import { type LedgerState, tariffAt } from './ledger-state.ts'
import { microsOf, type RareEvent } from './rare-events.ts'

const dayMicros = 86_400_000_000

/** @param event a CreditsGranted of a pack */
export function packFaults(state: LedgerState, event: RareEvent): string[] {
  const { recordedAt, credits, payload } = event
  const { packs = {} } = tariffAt(state, recordedAt) ?? {}
  const pack = Object.hasOwn(packs, payload.pack) ? packs[payload.pack] : undefined
  if (!pack) return ['its tariff has no such pack']
  const ends = recordedAt + pack.validDays * dayMicros
  const isAsSold =
    credits === pack.credits &&
    payload.kind === 'paid' &&
    payload.externalId !== undefined &&
    payload.paid?.minorUnits === pack.price.minorUnits &&
    payload.paid.currency === pack.price.currency &&
    microsOf(payload.startsAt) === recordedAt &&
    microsOf(payload.expiresAt ?? '') === ends
  return isAsSold ? [] : ['it is not as the tariff has the pack']
}
