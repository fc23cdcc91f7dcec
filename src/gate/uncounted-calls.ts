/**
 * Calls that neither a rate limit nor the ledger counts: free ones of a route whose calls count in no rate limit. How many
 * of them an account has in flight is bounded here, by the gateway alone: to its part of what the plan allows.
 */
export class UncountedCalls {
  readonly #gateways: number
  readonly #inFlight = new Map<string, number>()

  /** @param gateways how many share what a plan allows */
  constructor(gateways: number) {
    this.#gateways = gateways
  }

  /**
   * Begins a call. Returns how it is ended, once; undefined where there are too many.
   * @param account names the account and its mode
   * @param maxInFlight what its plan allows over all gateways; a gateway allows one at least
   */
  begin(account: string, maxInFlight: number): (() => void) | undefined {
    const count = this.#inFlight.get(account) ?? 0
    if (count >= Math.max(1, Math.floor(maxInFlight / this.#gateways))) return undefined
    this.#inFlight.set(account, count + 1)
    let isOver = false
    return () => {
      if (isOver) return
      isOver = true
      const left = (this.#inFlight.get(account) ?? 0) - 1
      if (left > 0) this.#inFlight.set(account, left)
      else this.#inFlight.delete(account)
    }
  }
}
