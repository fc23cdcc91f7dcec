/** The shape of a simulation: months under other prices, beside what they were. */

export interface Simulation {
  /** The tariff's hash, and the externalId under which differences are written. */
  readonly tariff: string
  readonly externalId: string
  readonly from: string
  readonly to: string
  /** The months are over and their calls finished: nothing but a refund can change them. */
  readonly final: boolean
  /** Owners who were charged or billed, or would have been; the largest difference first. */
  readonly owners: readonly SimulatedOwner[]
  readonly totals: Compared
  /** What could not be priced again, by endpoint. */
  readonly unpriced: readonly { readonly endpoint: string; readonly calls: number }[]
}

export interface SimulatedOwner extends Compared {
  readonly accountId: string
  readonly owner: string
  /** Of the events that wrote the difference, where that was done. */
  readonly committed: readonly string[]
}

export interface Compared {
  /** Credits charged less those refunded. */
  readonly credits: Side
  /** Minor units, by currency. */
  readonly fees: readonly (Side & { readonly currency: string })[]
}

export interface Side {
  readonly actual: number
  readonly simulated: number
}
