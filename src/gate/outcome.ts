import type { KeyRecord } from '../ledger/read/read-key-by-hash.ts'
import type { Refusal } from '../problems/refusal.ts'
import type { ObservedRateLimit } from './rate-limit/rate-limiter.ts'

type Refused = {
  readonly refusal: Refusal
  readonly rateLimit?: ObservedRateLimit
  /** The key, where it is known. */
  readonly key?: KeyRecord | undefined
}

/** What a step of the gate gives back: what it found out, or why the call is refused. */
export type Outcome<T> = ({ readonly ok: true } & T) | ({ readonly ok: false } & Refused)
