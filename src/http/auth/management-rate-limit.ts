/**
 * How often a principal may ask management. An owner's limits are those of what it owns: members of an organisation
 * share them, as they share its keys. Operators and auditors have a limit of their own each.
 */
import type { Limits } from '../../config/config.ts'
import { rateHeaders } from '../../gate/rate-limit/rate-limit-headers.ts'
import type {
  ObservedRateLimit,
  RateLimit,
  RateLimiter,
} from '../../gate/rate-limit/rate-limiter.ts'
import { RequestRefused } from '../errors/request-refused.ts'
import { isOfOwner, type Principal, principalKey } from './auth.ts'

/** A longer span would keep Redis from being trusted for as long after it was restarted (redis-trust.ts). */
const windowMs = 60_000

export interface ManagementRateLimit {
  /**
   * Takes a permit for a request.
   *
   * @returns the headers that say how the limit stands
   * @throws RequestRefused when it is reached
   */
  take(principal: Principal, request: Request): Promise<Record<string, string>>
}

export function openManagementRateLimit(
  rateLimiter: RateLimiter,
  limits: Limits,
): ManagementRateLimit {
  return {
    async take(principal, request) {
      const asked = limitsOf(principal, request, limits)
      const { allowed, state, degraded } = await rateLimiter.takePermit(asked)
      const headers = headersOf({ ...state, degraded }, !allowed)
      if (allowed) return headers
      const detail = `At most ${state.limit} requests of this kind a minute; try again later.`
      throw new RequestRefused({ code: 'rate_limited', detail, headers })
    },
  }
}

/** An owner's changes also count in a limit of their own, since they fill the log. */
function limitsOf(principal: Principal, { method }: Request, limits: Limits): RateLimit[] {
  const { maxOperatorRequestsPerMinute, maxOwnerRequestsPerMinute, maxOwnerChangesPerMinute } =
    limits
  const key = `{management:${principalKey(principal)}}`
  if (!isOfOwner(principal.role)) return [{ key, limit: maxOperatorRequestsPerMinute, windowMs }]
  const requests = { key, limit: maxOwnerRequestsPerMinute, windowMs }
  if (method === 'GET') return [requests]
  return [requests, { key: `${key}:changes`, limit: maxOwnerChangesPerMinute, windowMs }]
}

function headersOf(rateLimit: ObservedRateLimit, isRefused: boolean): Record<string, string> {
  return {
    ...rateHeaders(rateLimit, Date.now(), isRefused, 'management'),
    ...(rateLimit.degraded && { 'X-RateLimit-Degraded': 'true' }),
  }
}
