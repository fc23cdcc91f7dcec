/** Tariffs: named by the hash of their content. */
import { tariffHash } from '../../../config/tariff.ts'
import type { LedgerState } from './ledger-state.ts'
import { microsOf, type RareEvent } from './rare-events.ts'

export function followTariff(state: LedgerState, { position, payload }: RareEvent): string[] {
  const { hash, from, plans, prices, credits, packs } = payload
  state.tariffs.push({ position, hash, from: microsOf(from), plans, prices, packs })
  return hash === tariffHash({ plans, prices, credits, packs })
    ? []
    : ['its hash is not that of its content']
}
