/**
 * The part of the configuration that decides what a call costs. It is published in the ledger under the hash of its
 * content, and every hold names that hash. So a bill can be checked without the configuration.
 */
import { canonicalJson } from '../../events/canonical-json.ts'
import type { PriceRule } from '../pricing/price-rule.ts'
import type { Config, Plan } from './config.ts'

export interface Tariff {
  readonly plans: Readonly<Record<string, Plan>>
  /** By route id. */
  readonly prices: Readonly<Record<string, PriceRule>>
}

export function tariffOf({ plans, routes }: Config): Tariff {
  const prices: Record<string, PriceRule> = Object.create(null)
  for (const { id, price } of Object.values(routes)) prices[id] = price
  return { plans, prices }
}

/** Hex SHA-256 of the tariff's canonical JSON. The order in which the tariff is written does not change it. */
export function tariffHash({ plans, prices }: Tariff): string {
  return Bun.SHA256.hash(canonicalJson({ plans, prices }), 'hex')
}
