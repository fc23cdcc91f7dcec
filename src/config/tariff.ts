/**
 * The part of the configuration that decides what a call costs. It is published in the ledger under the hash of its
 * content, and every hold names that hash. So a bill can be checked without the configuration.
 */
import { canonicalJson } from '../../events/canonical-json.ts'
import type { Pack } from '../../events/tariffs.ts'
import type { CreditScale } from '../lib/credit-scale.ts'
import type { PriceRule } from '../pricing/price-rule.ts'
import type { Config, Plan } from './config.ts'

export interface Tariff {
  readonly plans: Readonly<Record<string, Plan>>
  /** By route id. */
  readonly prices: Readonly<Record<string, PriceRule>>
  /** How people see credits; absent: as whole numbers. */
  readonly credits?: CreditScale | undefined
  /** By name. */
  readonly packs?: Readonly<Record<string, Pack>> | undefined
}

export function tariffOf({ plans, routes, credits, packs }: Config): Tariff {
  const prices: Record<string, PriceRule> = Object.create(null)
  for (const { id, price } of Object.values(routes)) prices[id] = price
  return tariffContent({ plans, prices, credits, packs })
}

/** What a tariff consists of, and what its hash is made of. */
export function tariffContent({ plans, prices, credits, packs }: Tariff): Tariff {
  return { plans, prices, ...(credits && { credits }), ...(packs && { packs }) }
}

/** Hex SHA-256 of the tariff's canonical JSON. The order in which the tariff is written does not change it. */
export function tariffHash(tariff: Tariff): string {
  return Bun.SHA256.hash(canonicalJson(tariffContent(tariff)), 'hex')
}
