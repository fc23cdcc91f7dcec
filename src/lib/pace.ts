/**
 * A pace for each of many owners: whoever causes more than it waits, and nobody else. After a rest an owner may cause a burst
 * at once. (The generic cell rate algorithm, as ITU-T I.371 describes it: an owner is known by the time at which all that it
 * caused would be over, had it kept to the pace.)
 */
import { dropInTurns } from './drop-in-turns.ts'

interface PaceLimits {
  readonly perSecond: number
  /** How much comes at once without a wait. */
  readonly burst: number
  /** What would have to wait longer waits this long, and what comes after it no longer for it. Absent: any time. */
  readonly maxWaitMs?: number
}

export class Pace {
  private readonly limits: PaceLimits
  /** When all that each owner caused is over, in milliseconds. */
  private readonly overAtMs = new Map<string, number>()
  /** Of whom nothing is left to wait for, nothing is known. */
  private readonly forget = dropInTurns(this.overAtMs)

  constructor(limits: PaceLimits) {
    this.limits = limits
  }

  /** Counts what the owner causes. @returns how long it has to wait for that, in milliseconds; mostly 0 */
  count(owner: string, amount: number): number {
    const { perSecond, burst, maxWaitMs = Number.POSITIVE_INFINITY } = this.limits
    const nowMs = performance.now()
    this.forget((overAtMs) => overAtMs <= nowMs)
    const fromMs = Math.max(this.overAtMs.get(owner) ?? 0, nowMs)
    const burstMs = (burst / perSecond) * 1_000
    const overAtMs = Math.min(fromMs + (amount / perSecond) * 1_000, nowMs + burstMs + maxWaitMs)
    this.overAtMs.set(owner, overAtMs)
    return Math.max(0, overAtMs - burstMs - nowMs)
  }
}
