/** Whether rate limits can be kept, and each of them ever be reached. */
import type { Fault } from '../../lib/fault.ts'
import {
  type CountedLimit,
  countedLimits,
  limitsText,
  spanMs,
  type WrittenLimit,
} from '../../lib/rate-limits.ts'
import type { Plan } from '../file/plan.ts'
import type { Route } from '../file/route.ts'

const maxSpan = '31d'

export function planLimitFaults({ rateLimit, windowMs, rateLimits }: Plan): Fault[] {
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

export function routeLimitFaults({ rateLimit, rateLimits }: Route): Fault[] {
  if (!rateLimits) return []
  const message = 'stands beside `rateLimits`: name all limits there'
  return [
    ...(rateLimit === undefined ? [] : [{ path: ['rateLimit'], message }]),
    ...listFaults(rateLimits),
  ]
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
  const ofTokens = written.flatMap((limit, index): Fault[] =>
    'tokens' in limit
      ? [{ path: ['rateLimits', index, 'tokens'], message: 'tokens are not limited yet' }]
      : [],
  )
  if (ofTokens.length > 0) return ofTokens
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
