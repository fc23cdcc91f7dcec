/** What bounds the calls of accounts and keys, after the events so far: calls in flight and monthly caps. */
import type { LogEvent } from '../log/log-event.ts'
import { type Micros, microsOf, monthOf } from '../meaning/rare-events.ts'

interface PlanBounds {
  readonly maxInFlight: number
}

interface Tariff {
  readonly from: Micros
  readonly plans: ReadonlyMap<string, PlanBounds>
}

interface AccountBounds {
  /** In the order in which they were decided. */
  readonly plans: { readonly plan: string; readonly from: Micros }[]
  /** Its own, which replaces its plan's. */
  maxInFlight: number | null
}

interface KeyBounds {
  cap: number | null
  /** What counts against its cap, by the beginning of the month. */
  readonly used: Map<Micros, number>
}

/** A hold that is extended, or a charge that is refunded, is of one of the last months. */
const maxMonths = 3

export class Bounds {
  readonly #tariffs: Tariff[] = []
  readonly #accounts = new Map<string, AccountBounds>()
  readonly #keys = new Map<string, KeyBounds>()
  #inForce: Tariff | undefined
  /** Until when that is in force, as far as is known. */
  #inForceUntil: Micros = Number.NEGATIVE_INFINITY
  #month = { start: 0, end: 0 }
  /** The key that was asked for last. */
  #last: { readonly keyId: string; readonly key: KeyBounds } | undefined

  /** Takes in an event that no call makes. */
  change(event: LogEvent): void {
    const { type, accountId, keyId, payload } = event
    if (keyId !== null) {
      if ('monthlyCap' in payload) this.keyOf(keyId).cap = payload.monthlyCap
      return
    }
    switch (type) {
      case 'TariffPublished':
        this.#tariffs.push({
          from: microsOf(String(payload.from)),
          plans: new Map(Object.entries(payload.plans ?? {})) as Map<string, PlanBounds>,
        })
        this.#inForceUntil = Number.NEGATIVE_INFINITY
        break
      case 'PlanStarted':
        this.#accountOf(accountId ?? '').plans.push({
          plan: payload.plan,
          from: microsOf(String(payload.from)),
        })
        break
      case 'AccountLimitsChanged':
        this.#accountOf(accountId ?? '').maxInFlight = payload.maxInFlight ?? null
        break
    }
  }

  /** How many calls in flight an account may have. A plan that the tariff does not know allows none. */
  maxInFlightOf(accountId: string | null, time: Micros): number {
    const account = this.#accounts.get(accountId ?? '')
    if (!account) return 0
    if (account.maxInFlight !== null) return account.maxInFlight
    for (let i = account.plans.length - 1; i >= 0; i--) {
      const { plan, from } = account.plans[i] as AccountBounds['plans'][number]
      if (from <= time) return this.#tariffAt(time)?.plans.get(plan)?.maxInFlight ?? 0
    }
    return 0
  }

  keyOf(keyId: string): KeyBounds {
    if (this.#last?.keyId === keyId) return this.#last.key
    const key = this.#findKey(keyId)
    this.#last = { keyId, key }
    return key
  }

  #findKey(keyId: string): KeyBounds {
    let key = this.#keys.get(keyId)
    if (!key) {
      key = { cap: null, used: new Map() }
      this.#keys.set(keyId, key)
    }
    return key
  }

  /** Counts what an event's key uses of its cap, in the month for which the event counts. */
  use({ keyId, occurredAt }: LogEvent, credits: number): void {
    const { used } = this.keyOf(keyId ?? '')
    const { start } = this.monthOf(occurredAt)
    used.set(start, (used.get(start) ?? 0) + credits)
    if (used.size > maxMonths) used.delete(Math.min(...used.keys()))
  }

  /** Most times are of one month. */
  monthOf(time: Micros): { readonly start: Micros; readonly end: Micros } {
    if (time < this.#month.start || time >= this.#month.end) this.#month = monthOf(time)
    return this.#month
  }

  #accountOf(accountId: string): AccountBounds {
    let account = this.#accounts.get(accountId)
    if (!account) {
      account = { plans: [], maxInFlight: null }
      this.#accounts.set(accountId, account)
    }
    return account
  }

  /** The tariff in force has the latest beginning by then; of several, it is the last published. Time never runs backwards. */
  #tariffAt(time: Micros): Tariff | undefined {
    if (time < this.#inForceUntil) return this.#inForce
    this.#inForce = undefined
    this.#inForceUntil = Number.POSITIVE_INFINITY
    for (const tariff of this.#tariffs) {
      if (tariff.from > time) this.#inForceUntil = Math.min(this.#inForceUntil, tariff.from)
      else if (!this.#inForce || tariff.from >= this.#inForce.from) this.#inForce = tariff
    }
    return this.#inForce
  }
}
