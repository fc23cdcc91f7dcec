import type { Sum } from '../../lib/sums.ts'

/** Some months under another tariff, compared with what they were. */
export interface Simulation {
  /** The tariff's hash, and the externalId under which differences are written. */
  readonly tariff: string
  readonly externalId: string
  readonly from: string
  readonly to: string
  /** The months are over and all their calls have ended, so nothing but a refund can change them. */
  readonly final: boolean
  /** Owners who were charged or billed, or would have been. The largest difference comes first. */
  readonly owners: readonly SimulatedOwner[]
  readonly totals: Compared
  /** Calls that could not be priced again. */
  readonly unpriced: readonly { readonly endpoint: string; readonly calls: Sum }[]
}

export interface SimulatedOwner extends Compared {
  readonly accountId: string
  readonly owner: string
  /** The printed positions of the events that wrote the difference. There are none where nothing was written. */
  readonly committed: readonly string[]
}

export interface Compared {
  /** Credits charged, refunds deducted. */
  readonly credits: Side
  /** Minor units, by currency. */
  readonly fees: readonly (Side & { readonly currency: string })[]
}

export interface Side {
  readonly actual: Sum
  readonly simulated: Sum
}

/** A side that is being added up. */
export type MutableSide = { -readonly [Field in keyof Side]: Side[Field] }
