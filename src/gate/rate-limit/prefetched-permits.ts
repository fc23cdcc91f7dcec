/**
 * Permits that a gateway prefetches from Redis, several in one question, where an account calls often and is far from its
 * limits: half of each is free with them. They are spent without asking, within seconds.
 *
 * Never more than N calls pass in any time span all the same. A prefetched permit counts in Redis from when it is taken until a
 * time span after its last usable moment, so at every moment at which its call does. When the gateway accounts for it, with
 * its next question or when it can be spent no more, one that was spent counts from then for a time span, and one that was
 * not is given back.
 *
 * The price: all gateways together may have taken a tenth of N and not accounted for it, which Redis sees to, so a limit can be
 * reached by a tenth of N early, for as long as a prefetched permit is usable (a tenth of the time span, and at most two seconds).
 * A gateway that dies or loses its connection accounts for nothing: then it is so until a time span after that.
 */
import type { PermitDecision, RateLimit, RateLimitState } from './rate-limiter.ts'
import type { RedisConnection } from './redis-connection.ts'

/** What of a limit may be prefetched and not accounted for, by all gateways together. */
const maxPartPrefetched = 1 / 10
const maxUsableMs = 2_000
/** And at most this part of the time span. */
const maxUsablePart = 1 / 10
/** Permits are prefetched where the same limits were asked for twice in this short while. */
const busyWithinMs = 200
/** One question takes no more, however high the limit is. */
const maxBatch = 1_000
/** Where fewer may be prefetched, none are: it would save little, and small limits are kept to the last call. */
const minBatch = 5
/** Sets of limits of which it is known when they were asked for: so many of the last ones, and as many that were before. */
const maxRecent = 5_000

/** Permits that were taken in one question. */
export interface PermitBatch {
  readonly limits: readonly RateLimit[]
  readonly connection: RedisConnection
  /** On the clock of Redis. */
  readonly takenAtUs: number
  readonly count: number
  spent: number
  readonly usableUntilMs: number
  /** How the limits stood when they were taken. */
  readonly state: RateLimitState
  /** Whether it has been accounted for, or is about to be. */
  isClosed: boolean
  /** From when the spent ones count, on the clock of Redis. undefined: that is not known. */
  accountedAtUs: number | undefined
}

/** What is asked beside a permit. */
export interface PrefetchQuestion {
  /** So many more permits, if the limits are far. */
  readonly count: number
  /** For how long they can be spent. */
  readonly usableMs: number
  /** What became of permits taken before. */
  readonly accounted: PermitBatch | undefined
}

interface Known {
  readonly limits: readonly RateLimit[]
  /** The permits to spend, and those spent that are not accounted for. */
  batch: PermitBatch | undefined
  /** How many permits to prefetch the next time. */
  wanted: number
  askedAtMs: number
  /** When it was asked before that. */
  askedBeforeAtMs: number
  /** Whether a question that prefetches permits, or accounts for some, is under way. */
  isAsking: boolean
}

export class PrefetchedPermits {
  private readonly gateways: number
  /** By the key of the narrowest limit. */
  private recent = new Map<string, Known>()
  /** What was recent before, and is forgotten when it is not asked for until there are as many others again. */
  private older: ReadonlyMap<string, Known> = new Map()
  private readonly open = new Set<PermitBatch>()

  constructor(gateways: number) {
    this.gateways = gateways
  }

  /** Spends a prefetched permit; undefined: there is none. */
  spend(
    limits: readonly RateLimit[],
    connection: RedisConnection,
    nowMs: number,
  ): PermitDecision | undefined {
    const batch = this.of(limits)?.batch
    if (!batch || batch.spent === batch.count || nowMs >= batch.usableUntilMs) return undefined
    // What another Redis said is forgotten with its connection.
    if (batch.connection !== connection) return undefined
    batch.spent++
    const { takenAtUs, state } = batch
    const remaining = Math.max(0, state.remaining - batch.spent)
    return {
      allowed: true,
      permit: { limits, takenAtUs, source: 'redis', batch },
      state: { ...state, remaining },
      degraded: false,
    }
  }

  /** What to ask beside the permit that has to be asked for. */
  question(
    limits: readonly RateLimit[],
    connection: RedisConnection,
    nowMs: number,
  ): PrefetchQuestion {
    const nothing = noPrefetch(limits)
    const known = this.of(limits)
    if (!known) {
      this.keep({
        ...{ limits, batch: undefined, wanted: 1, isAsking: false },
        ...{ askedAtMs: nowMs, askedBeforeAtMs: Number.NEGATIVE_INFINITY },
      })
      return nothing
    }
    this.keep(known)
    if (known.isAsking) return nothing
    const { batch } = known
    const isBusy = batch !== undefined || nowMs - known.askedBeforeAtMs < busyWithinMs
    known.askedBeforeAtMs = known.askedAtMs
    known.askedAtMs = nowMs
    const maxCount = this.maxCount(limits)
    if (!isBusy || (maxCount === 0 && !batch)) return nothing
    known.isAsking = true
    if (batch) {
      known.wanted = batch.spent === batch.count ? known.wanted * 2 : Math.max(1, batch.spent)
      this.close(batch)
      known.batch = undefined
    }
    known.wanted = Math.min(known.wanted, maxCount)
    const accounted = batch?.connection === connection ? batch : undefined
    return { ...nothing, count: known.wanted, accounted }
  }

  /** The reply to a question. @param reply undefined: there was none */
  onReply(
    limits: readonly RateLimit[],
    connection: RedisConnection,
    { count, usableMs, accounted }: PrefetchQuestion,
    reply: readonly number[] | undefined,
    state: RateLimitState | undefined,
    askedAtMs: number,
  ): void {
    const known = this.of(limits)
    if (count === 0 && !accounted) return
    if (accounted) accounted.accountedAtUs = reply?.[1]
    if (known) known.isAsking = false
    const taken = reply?.[2] ?? 0
    if (!reply || !state || taken === 0) return
    const batch: PermitBatch = {
      ...{ limits, connection, takenAtUs: reply[1] ?? 0, count: taken, spent: 0, state },
      ...{ usableUntilMs: askedAtMs + usableMs, isClosed: false, accountedAtUs: undefined },
    }
    this.open.add(batch)
    if (known) known.batch = batch
  }

  /** Batches of which nothing can be spent any more, for which this gateway has to account now. */
  takeOverdue(nowMs: number): PermitBatch[] {
    return this.take(({ usableUntilMs }) => nowMs >= usableUntilMs)
  }

  /** All batches, for which it has to account now. Nothing is spent of them any more. */
  takeAll(): PermitBatch[] {
    return this.take(() => true)
  }

  private take(isDue: (batch: PermitBatch) => boolean): PermitBatch[] {
    const due = [...this.open].filter(isDue)
    for (const batch of due) {
      this.close(batch)
      const known = this.of(batch.limits)
      if (known?.batch === batch) known.batch = undefined
    }
    return due
  }

  private close(batch: PermitBatch): void {
    batch.isClosed = true
    this.open.delete(batch)
  }

  private maxCount(limits: readonly RateLimit[]): number {
    const smallest = Math.min(...limits.map(({ limit }) => limit))
    const count = Math.min(Math.floor((smallest * maxPartPrefetched) / this.gateways), maxBatch)
    return count < minBatch ? 0 : count
  }

  private keep(known: Known): void {
    this.recent.set(nameOf(known.limits), known)
    if (this.recent.size < maxRecent) return
    this.older = this.recent
    this.recent = new Map()
  }

  /** undefined where the limits were others when they were last asked for. */
  private of(limits: readonly RateLimit[]): Known | undefined {
    const name = nameOf(limits)
    const known = this.recent.get(name) ?? this.older.get(name)
    return known && areEqual(known.limits, limits) ? known : undefined
  }
}

/** Asks for nothing beside a permit. */
export function noPrefetch(limits: readonly RateLimit[]): PrefetchQuestion {
  const windowMs = Math.min(...limits.map((limit) => limit.windowMs))
  const usableMs = Math.min(maxUsableMs, Math.floor(windowMs * maxUsablePart))
  return { count: 0, usableMs, accounted: undefined }
}

/** Gives a permit back to its batch; false: that has been accounted for. */
export function unspend(batch: PermitBatch): boolean {
  if (batch.isClosed) return false
  batch.spent--
  return true
}

function nameOf(limits: readonly RateLimit[]): string {
  return limits.at(-1)?.key ?? ''
}

function areEqual(one: readonly RateLimit[], other: readonly RateLimit[]): boolean {
  return (
    one.length === other.length &&
    one.every(({ key, limit, windowMs }, i) => {
      const each = other[i]
      return each?.key === key && each.limit === limit && each.windowMs === windowMs
    })
  )
}
