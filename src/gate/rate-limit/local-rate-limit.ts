/**
 * The local rate limit: how much of every rate limit a gateway admits alone, when it cannot ask the others.
 *
 * Each of g gateways admits at most floor(N / g) calls, counted exactly and by itself. Together they stay
 * within N without a word between them. A rate limit smaller than the number of gateways has a local rate
 * limit of 0, and no call passes: it is never unlimited.
 */
import { openInProcessLimiter } from './in-process-limiter.ts'
import type { RateLimit, RateLimiter } from './rate-limiter.ts'

/**
 * @param gateways how many gateways enforce each rate limit together, a whole number of at least 1
 * @param limiter counts this gateway's calls
 */
export function openLocalLimiter(
  gateways: number,
  limiter: RateLimiter = openInProcessLimiter(),
): RateLimiter {
  const localLimits = (limits: readonly RateLimit[]) =>
    limits.map((limit) => ({ ...limit, limit: Math.floor(limit.limit / gateways) }))

  return {
    async takePermit(limits) {
      const decision = await limiter.takePermit(localLimits(limits))
      if (!decision.allowed) return { ...decision, degraded: true }
      return { ...decision, permit: { ...decision.permit, source: 'local' }, degraded: true }
    },
    returnPermit: limiter.returnPermit,
    peek: (limits) => limiter.peek(localLimits(limits)),
    tokens: {
      async take(limits, tokens) {
        const decision = await limiter.tokens.take(localLimits(limits), tokens)
        return { ...decision, degraded: true }
      },
      settle: limiter.tokens.settle,
      peek: (limits) => limiter.tokens.peek(localLimits(limits)),
    },
    degraded: true,
    close: limiter.close,
  }
}
