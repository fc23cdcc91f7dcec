/**
 * Rate limits as they are written: so many calls or tokens in any span of time. One of calls may be written short, as
 * `rateLimit` and `windowMs`.
 */
import { formatNumber } from './format-figures.ts'

export type WrittenLimit = { readonly per: string } & (
  | { readonly calls: number }
  | { readonly tokens: number }
)

/** What a plan says of its rate limits, in one of the two forms. */
export interface PlanLimits {
  readonly rateLimit?: number
  readonly windowMs?: number
  /** The first one is of calls. */
  readonly rateLimits?: readonly WrittenLimit[]
}

export interface CountedLimit {
  readonly counts: 'calls' | 'tokens'
  readonly limit: number
  readonly windowMs: number
  /** The span as it is written; absent of a limit that is written short. */
  readonly per?: string
}

const unitsMs = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const

export const spanPattern = `^[1-9]\\d{0,8}(${Object.keys(unitsMs).join('|')})$`

/** How many milliseconds `60s` or `1d` are. @param text that fits `spanPattern` */
export function spanMs(text: string): number {
  const digits = Number.parseInt(text, 10)
  return digits * unitsMs[text.slice(String(digits).length) as keyof typeof unitsMs]
}

/** `1 day`, `24 hours` or `60 s`. */
function spanText(ms: number): string {
  const [count, unit] =
    ms % unitsMs.d === 0
      ? [ms / unitsMs.d, 'day']
      : ms % unitsMs.h === 0
        ? [ms / unitsMs.h, 'hour']
        : [ms / unitsMs.s, 's']
  return `${formatNumber(count)} ${unit}${unit === 's' || count === 1 ? '' : 's'}`
}

const countedOnce = new WeakMap<readonly WrittenLimit[], readonly CountedLimit[]>()

/** A list as it is counted, in its order. */
export function countedLimits(written: readonly WrittenLimit[]): readonly CountedLimit[] {
  const known = countedOnce.get(written)
  if (known) return known
  const counted = written.map((limit): CountedLimit => {
    const { per } = limit
    const windowMs = spanMs(per)
    return 'calls' in limit
      ? { counts: 'calls', limit: limit.calls, windowMs, per }
      : { counts: 'tokens', limit: limit.tokens, windowMs, per }
  })
  countedOnce.set(written, counted)
  return counted
}

/** The limits of a plan; nothing where it is not known. */
export function limitsOfPlan(plan: PlanLimits | undefined): readonly CountedLimit[] {
  if (plan?.rateLimits) return countedLimits(plan.rateLimits)
  const { rateLimit: limit, windowMs } = plan ?? {}
  return limit === undefined || windowMs === undefined ? [] : [{ counts: 'calls', limit, windowMs }]
}

/** The limit of calls that an account's own one takes the place of, and a key's own one narrows. */
export function firstLimit(plan: PlanLimits | undefined): CountedLimit | undefined {
  return limitsOfPlan(plan)[0]
}

/** `10 calls in 1 s, 100,000 tokens in 60 s` */
export function limitsText(limits: readonly CountedLimit[]): string {
  return limits
    .map(({ counts, limit, windowMs }) => {
      const what = limit === 1 ? counts.slice(0, -1) : counts
      return `${formatNumber(limit)} ${what} in ${spanText(windowMs)}`
    })
    .join(', ')
}
