/** Whether rate limits can be kept, and each of them ever be reached. */
import type { Fault } from '../../lib/fault.ts'
import { formatNumber } from '../../lib/format-figures.ts'
import {
  type CountedLimit,
  countedLimits,
  limitsText,
  spanMs,
  type WrittenLimit,
} from '../../lib/rate-limits.ts'
import { tokenComponent } from '../../pricing/tokens-of-call.ts'
import type { Plan } from '../file/plan.ts'
import type { Route } from '../file/route.ts'

const maxSpan = '31d'

/**
 * @param routes those that can be checked
 * @param gateways how many run, each of which admits its part of a limit while Redis is away
 */
export function planLimitFaults(
  { rateLimit, windowMs, rateLimits, endpoints }: Plan,
  routes: readonly (readonly [string, Route])[],
  gateways: number,
): Fault[] {
  if (rateLimits) {
    const field = rateLimit === undefined ? 'windowMs' : 'rateLimit'
    const isTwice = rateLimit !== undefined || windowMs !== undefined
    const twice = { path: [field], message: 'stands beside `rateLimits`: name all limits there' }
    const [first] = rateLimits
    const ofTokens = {
      path: ['rateLimits', 0],
      message: 'the first limit is one of calls: it is asked before anything of a request is read',
    }
    return [
      ...(isTwice ? [twice] : []),
      ...(first && 'tokens' in first ? [ofTokens] : []),
      ...listFaults(rateLimits),
      ...tokenFaults(
        rateLimits,
        routes.filter(([, { permission, service = '' }]) => {
          return endpoints === 'all' || endpoints.includes(permission ?? service)
        }),
        'no route that the plan may call counts tokens',
        gateways,
      ),
    ]
  }
  const missing = { rateLimit, windowMs }
  return Object.entries(missing)
    .filter(([, value]) => value === undefined)
    .map(([field]) => ({
      path: [field],
      message: 'missing, expected an integer ≥ 1, or a list `rateLimits` in place of both',
    }))
}

export function routeLimitFaults(id: string, route: Route, gateways: number): Fault[] {
  const { rateLimit, rateLimits } = route
  if (!rateLimits) return []
  const message = 'stands beside `rateLimits`: name all limits there'
  return [
    ...(rateLimit === undefined ? [] : [{ path: ['rateLimit'], message }]),
    ...listFaults(rateLimits),
    ...tokenFaults(rateLimits, [[id, route]], 'the route counts no tokens', gateways),
  ]
}

/** A request that does not say how long its response may be takes the most that is held for one. */
function tokenFaults(
  written: readonly WrittenLimit[],
  routes: readonly (readonly [string, Route])[],
  without: string,
  gateways: number,
): Fault[] {
  const counting = routes.flatMap(([id, { price, rateLimit }]) => {
    const component = rateLimit === 'free' ? undefined : tokenComponent(price)
    return component ? [{ id, most: component.hold.most }] : []
  })
  return written.flatMap((limit, index): Fault[] => {
    if (!('tokens' in limit)) return []
    const path = ['rateLimits', index, 'tokens']
    if (counting.length === 0) return [{ path, message: without }]
    const part = Math.floor(limit.tokens / gateways)
    const longest = counting.find(({ most }) => most >= part)
    if (!longest) return []
    const takes = `a call of ${longest.id} can take ${formatNumber(longest.most)} and those of its request (\`hold.most\`), and would`
    const message =
      longest.most >= limit.tokens
        ? `${takes} never pass`
        : `${takes} not pass while Redis is away, when each of the ${gateways} gateways admits ${formatNumber(part)}`
    return [{ path, message }]
  })
}

function listFaults(written: readonly WrittenLimit[]): Fault[] {
  const tooLong = written.flatMap(({ per }, index): Fault[] =>
    spanMs(per) <= spanMs(maxSpan)
      ? []
      : [
          {
            path: ['rateLimits', index, 'per'],
            message: `expected at most ${maxSpan}, got "${per}"`,
          },
        ],
  )
  return tooLong.length > 0 ? tooLong : neverReached(countedLimits(written))
}

/** Of two limits that count the same, the one of the longer span admits more, or the other one means nothing. */
function neverReached(limits: readonly CountedLimit[]): Fault[] {
  return limits.flatMap((limit, index): Fault[] => {
    const path = ['rateLimits', index]
    const alike = limits.filter(({ counts }) => counts === limit.counts)
    if (alike.find(({ windowMs }) => windowMs === limit.windowMs) !== limit) {
      return [{ path: [...path, 'per'], message: 'another limit here has the same span' }]
    }
    const stricter = alike.find(
      (other) => other.windowMs > limit.windowMs && other.limit <= limit.limit,
    )
    if (!stricter) return []
    const message = `is never reached: there are no more than ${limitsText([stricter])}`
    return [{ path: [...path, limit.counts], message }]
  })
}
