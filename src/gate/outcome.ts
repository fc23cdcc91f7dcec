import type { Refusal } from '../problems/refusal.ts'
import type { ObservedRateLimit } from './rate-limit/rate-limiter.ts'

type Refused = { readonly refusal: Refusal; readonly rateLimit?: ObservedRateLimit }

/** What a step of the gate gives back: what it found out, or why the call is refused. */
export type Outcome<T> = ({ readonly ok: true } & T) | ({ readonly ok: false } & Refused)
