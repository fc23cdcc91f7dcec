/** Decides whether a tariff is published: nothing disappears unseen, and what a credit means to people stays. */
import { type Tariff, tariffHash } from '../config/tariff.ts'
import { type CreditScale, isSameScale, scaleText } from '../lib/credit-scale.ts'
import { printable } from '../lib/printable-text.ts'
import { type Refused, refused } from './decision.ts'

/** What the ledger has. */
interface TariffState {
  /** By its clock. */
  readonly now: Date
  /** Hash of the tariff in force; null: there is none. */
  readonly inForce: string | null
  /** The tariff in force; an empty one where there is none. */
  readonly before: Tariff
  /** How credits are shown, where a tariff has said it. */
  readonly scale: CreditScale | undefined
}

interface PublishCommand {
  readonly tariff: Tariff
  /** ISO 8601, in the future; now when absent. */
  readonly from?: string | undefined
  /** It is meant that plans, prices and packs disappear. */
  readonly mayDrop?: boolean | undefined
}

/** @returns from when on the tariff is in force, or that it is already: then there is nothing to publish */
export function decideTariff(
  { now, inForce, before, scale }: TariffState,
  { tariff, from, mayDrop }: PublishCommand,
): { readonly starts: Date } | 'in_force' | Refused {
  if (scale !== undefined && !isSameScale(scale, tariff.credits)) {
    return refused('scale_changed', { field: 'tariff', expected: scaleText(scale) })
  }
  // Publishing what is in force would only add an event. For a time that lies ahead it has an effect: it takes back
  // what was announced for that time.
  if (from === undefined && inForce === tariffHash(tariff)) return 'in_force'
  if (from !== undefined && Date.parse(from) < now.getTime()) {
    return refused('time_passed', { field: 'from' })
  }
  const dropped = droppedBy(before, tariff)
  if (dropped.length > 0 && mayDrop !== true) {
    return refused('would_drop', { field: 'tariff', dropped })
  }
  return { starts: from === undefined ? now : new Date(from) }
}

/** What would disappear, kind by kind: `plans: gold`, `prices of routes: search, tts`. */
export function droppedBy(before: Tariff, after: Tariff): string[] {
  return [
    { of: 'plans', names: gone(before.plans, after.plans) },
    { of: 'prices of routes', names: gone(before.prices, after.prices) },
    { of: 'packs', names: gone(before.packs, after.packs) },
  ].flatMap(({ of, names }) =>
    names.length > 0 ? [`${of}: ${names.map(printable).join(', ')}`] : [],
  )
}

function gone(before: object = {}, after: object = {}): string[] {
  return Object.keys(before).filter((name) => !Object.hasOwn(after, name))
}
