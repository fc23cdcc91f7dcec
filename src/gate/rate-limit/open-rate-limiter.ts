/** Opens the rate windows that the configuration asks for. */
import { processWindows } from './in-process-limiter.ts'
import { shareWindows } from './local-rate-limit.ts'
import type { Windows } from './rate-limiter.ts'
import { redisWindows, type WindowsLog } from './redis-limiter.ts'

export { rateHeaders } from './rate-limit-headers.ts'
export type { Limit, Place, WindowDecision, WindowState, Windows } from './rate-limiter.ts'
export type { WindowsLog } from './redis-limiter.ts'

/**
 * With a `redisUrl`: windows shared by all gateways. Without one: windows in this process, which a
 * single gateway enforces whole and one of several only by its share, so that no limit is exceeded.
 *
 * Resolves within about a second, also when Redis is away; `degraded` says so.
 *
 * @param options.gateways how many gateways are configured, at least 1.
 * @param options.prefix stands before every Redis key, such as 'tollbook:'; without braces.
 */
export async function openWindows(options: {
  redisUrl?: string | undefined
  gateways: number
  prefix: string
  log: WindowsLog
}): Promise<Windows> {
  const { redisUrl, gateways, log } = options
  if (redisUrl !== undefined) return redisWindows({ ...options, redisUrl })
  if (gateways === 1) return processWindows()
  log.warn({ gateways }, 'several gateways and no Redis: each enforces its share of the limits')
  return shareWindows(gateways)
}
