/**
 * Whom the gateway admits. The gate authenticates the key, authorizes the call, takes its permit under the rate
 * limits and, for a priced call, reserves its credits. The ledger has the last word: where it says that the gate
 * decided by an old version of the key or the tariff, the gate reads both again and decides again.
 */
import type { Config, Route } from '../config/config.ts'
import type { RequestContent } from '../pricing/price-kind.ts'
import { authenticate, type KeyFormat } from './authenticate/authenticate.ts'
import type { KeyPrefixes } from './authenticate/key-format.ts'
import {
  type AuthorizedCall,
  type AuthorizedKey,
  authorizeCall,
  authorizeHash,
  maxStalenessMs,
} from './authorize/authorize.ts'
import { CallsInFlight } from './calls-in-flight.ts'
import type { Outcome } from './outcome.ts'
import type { Permit } from './rate-limit/rate-limiter.ts'
import { type PermitDeps, type Permitted, takePermit } from './rate-limit/take-permit.ts'
import { type TokensTaken, takeTokens } from './rate-limit/take-tokens.ts'
import { tooManyInFlight } from './refusals.ts'
import type { CallToReserve } from './reservation/reservation.ts'
import { type Reserved, reserve } from './reservation/reserve.ts'
import type { ReserveDeps } from './reservation/reserve-deps.ts'

interface GateDeps extends PermitDeps, ReserveDeps {
  readonly config: Config
  readonly prefixes: KeyPrefixes
}

export interface Gate {
  /** The key of the request, whatever it may do; for routes that are about the key itself. */
  identify(request: Request): Promise<Outcome<{ readonly authorized: AuthorizedKey }>>
  /** The key of a call, with its permission, address and price. */
  authorize(
    request: Request,
    route: Route,
  ): Promise<Outcome<{ readonly authorized: AuthorizedCall }>>
  takePermit(authorized: AuthorizedKey, request: Request, route: Route): Promise<Outcome<Permitted>>
  /** Takes the tokens that a call can use, once its body is read. */
  takeTokens(
    authorized: AuthorizedCall,
    request: Request,
    route: Route,
    content: RequestContent,
  ): Promise<Outcome<TokensTaken>>
  /** Nothing happens for a call that took none. */
  returnPermit(permit: Permit | undefined): Promise<void>
  /**
   * Counts a call as in flight at this gateway, and returns how it is ended, once; undefined where its account has too many by
   * the key as it is known.
   * @param isFree it reserves nothing
   */
  begin(authorized: AuthorizedKey, isFree: boolean): (() => void) | undefined
  /** The same by the key as it is now: a plan that was just raised must not refuse. */
  beginAnew(
    authorized: AuthorizedKey,
    request: Request,
    isFree: boolean,
  ): Promise<Outcome<{ readonly end: () => void }>>
  /** Reserves the most that the call can cost. */
  reserve(authorized: AuthorizedCall, call: CallToReserve): Promise<Outcome<Reserved>>
}

export function openGate(deps: GateDeps): Gate {
  const { legacyKeys, keyHeaders, gateways } = deps.config
  const calls = new CallsInFlight(gateways)
  function begin({ key, tariff }: AuthorizedKey, isFree: boolean) {
    const maxInFlight = key.maxInFlight ?? tariff.plans[key.plan]?.maxInFlight ?? 0
    return calls.begin(key, maxInFlight, isFree)
  }
  const format: KeyFormat = { prefixes: deps.prefixes, legacyKeys, keyHeaders }
  return {
    async identify(request) {
      const key = authenticate(request, format)
      if (!key.ok) return key
      return authorizeHash(deps, key.keyHash, undefined, request, maxStalenessMs)
    },
    async authorize(request, route) {
      const key = authenticate(request, format)
      if (!key.ok) return key
      return authorizeCall(deps, key.keyHash, route, request, Number.POSITIVE_INFINITY)
    },
    takePermit: (authorized, request, route) => takePermit(deps, authorized, request, route),
    takeTokens: (authorized, request, route, content) =>
      takeTokens(deps, authorized, request, route, content),
    returnPermit: async (permit) => permit && deps.rateLimiter.returnPermit(permit),
    begin,
    async beginAnew({ keyHash }, request, isFree) {
      const now = await authorizeHash(deps, keyHash, undefined, request, maxStalenessMs)
      if (!now.ok) return now
      const end = begin(now.authorized, isFree)
      return end ? { ok: true, end } : { ok: false, refusal: tooManyInFlight }
    },
    reserve: (authorized, call) => reserve(deps, authorized, call),
  }
}
