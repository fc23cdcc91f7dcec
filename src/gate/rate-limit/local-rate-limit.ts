/**
 * A gateway's local share of every limit: what it may let through when it cannot ask the others.
 *
 * Each of g gateways lets at most floor(N / g) through, in exact windows of its own, so together they
 * stay within N without a word between them. A limit smaller than the number of gateways has no share,
 * and nothing passes: never unlimited.
 */
import { processWindows } from './in-process-limiter.ts'
import type { Limit, Windows } from './rate-limiter.ts'

/**
 * @param gateways how many gateways share each limit, a whole number of at least 1.
 * @param windows where the share is counted; each gateway has its own.
 */
export function shareWindows(gateways: number, windows: Windows = processWindows()): Windows {
  const shareOf = (limits: readonly Limit[]) =>
    limits.map((limit) => ({ ...limit, limit: Math.floor(limit.limit / gateways) }))

  return {
    async take(limits) {
      const decision = await windows.take(shareOf(limits))
      if (!decision.allowed) return { ...decision, degraded: true }
      return { ...decision, place: { ...decision.place, source: 'share' }, degraded: true }
    },
    giveBack: windows.giveBack,
    peek: (limits) => windows.peek(shareOf(limits)),
    degraded: true,
    close: windows.close,
  }
}
