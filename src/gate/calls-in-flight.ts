/**
 * Calls of accounts in flight at this gateway. The ledger holds the calls that reserve something to what their plan allows,
 * over all gateways. It knows nothing of free calls, which reserve nothing: those are bounded here, without an append. A gateway
 * admits its part of what the plan allows as free calls, and no more than the plan allows of both kinds together.
 */
import type { KeyRecord } from '../ledger/read/read-key-by-hash.ts'

interface Account {
  free: number
  reserving: number
}

export class CallsInFlight {
  readonly #gateways: number
  readonly #accounts = { live: new Map<string, Account>(), test: new Map<string, Account>() }

  /** @param gateways how many share what a plan allows */
  constructor(gateways: number) {
    this.#gateways = gateways
  }

  /**
   * Begins a call. Returns how it is ended, once; undefined where there are too many.
   * @param maxInFlight what its plan allows over all gateways; a gateway allows one at least
   */
  begin(
    { accountId, mode }: Pick<KeyRecord, 'accountId' | 'mode'>,
    maxInFlight: number,
    isFree: boolean,
  ): (() => void) | undefined {
    const accounts = this.#accounts[mode]
    const account = accounts.get(accountId) ?? { free: 0, reserving: 0 }
    if (!this.#admits(account, maxInFlight, isFree)) return undefined
    const kind = isFree ? 'free' : 'reserving'
    account[kind]++
    accounts.set(accountId, account)
    return () => {
      account[kind]--
      if (account.free + account.reserving === 0) accounts.delete(accountId)
    }
  }

  #admits({ free, reserving }: Account, maxInFlight: number, isFree: boolean): boolean {
    const part = Math.max(1, Math.floor(maxInFlight / this.#gateways))
    if (isFree && free >= part) return false
    // Without a free call, the ledger's count is the better one.
    return isFree || free > 0 ? free + reserving < Math.max(1, maxInFlight) : true
  }
}
