/**
 * Reports over HTTP: few at once, over connections of their own, so that they take nothing from calls but a bounded
 * part of the database's work. A principal computes one at a time, and has few of them waiting; all together have a
 * queue that is bounded in length and in time.
 */
import type { Sql } from '../ledger/connect.ts'
import { isStatementTimeout } from '../ledger/unavailable.ts'
import type { Refusal } from '../problems/refusal.ts'
import { type Principal, principalKey } from './auth/auth.ts'
import type { AwaitRefusal } from './auth/refusal-pace.ts'
import { RequestRefused } from './errors/request-refused.ts'
import type { ReportSource } from './report-source.ts'

const maxRunning = 2
const maxWaiting = 20
/** Of one principal, with the one that runs. */
const maxPerPrincipal = 4

export interface ReportQueue {
  /**
   * Computes a report when it is its turn.
   *
   * @param compute reads what it needs through `sql`, which fails when the report has taken too long
   * @throws RequestRefused when too many reports wait, or this one takes too long
   */
  compute<T>(principal: Principal, compute: (sql: Sql) => Promise<T>): Promise<T>
  /** The same, of what can change without an event: from the primary, whatever else reads a standby. */
  computeOnPrimary<T>(principal: Principal, compute: (sql: Sql) => Promise<T>): Promise<T>
}

interface Turn {
  readonly key: string
  begin(): void
}

/** One queue for reports from several sources. */
export interface SharedReportQueue {
  over(source: ReportSource): ReportQueue
  /**
   * Computes something else, which may take longer, when it is its turn as one of the reports.
   *
   * @param key names who asks, as principals are told apart
   * @throws RequestRefused when too many reports wait
   */
  inTurn<T>(key: string, compute: () => Promise<T>): Promise<T>
}

/**
 * @param maxSeconds how long a report may take, and how long it may wait
 */
export function openReportQueue(maxSeconds: number, awaitRefusal: AwaitRefusal): SharedReportQueue {
  /** The principals of the reports that are being computed. */
  const running = new Set<string>()
  const waiting: Turn[] = []

  async function waitForTurn(key: string): Promise<void> {
    if (running.size < maxRunning && !running.has(key)) {
      running.add(key)
      return
    }
    const ofPrincipal = waiting.filter((turn) => turn.key === key).length
    const isOneTooMany = ofPrincipal + (running.has(key) ? 1 : 0) >= maxPerPrincipal
    if (isOneTooMany || waiting.length >= maxWaiting) {
      await awaitRefusal(key)
      throw new RequestRefused(isOneTooMany ? tooMany : busy)
    }
    await new Promise<void>((resolve, reject) => {
      const turn = {
        key,
        begin() {
          clearTimeout(timer)
          resolve()
        },
      }
      waiting.push(turn)
      const timer = setTimeout(() => {
        waiting.splice(waiting.indexOf(turn), 1)
        reject(new RequestRefused(busy))
      }, maxSeconds * 1_000)
    })
  }

  function endTurn(key: string): void {
    running.delete(key)
    const next = waiting.findIndex((turn) => !running.has(turn.key))
    const [turn] = next < 0 ? [] : waiting.splice(next, 1)
    if (!turn) return
    running.add(turn.key)
    turn.begin()
  }

  async function inTurn<T>(key: string, compute: () => Promise<T>): Promise<T> {
    await waitForTurn(key)
    try {
      return await compute()
    } finally {
      endTurn(key)
    }
  }

  async function computeBy<T>(
    principal: Principal,
    read: ReportSource['read'],
    compute: (sql: Sql) => Promise<T>,
  ): Promise<T> {
    try {
      return await inTurn(principalKey(principal), () => {
        const atMs = performance.now() + maxSeconds * 1_000
        return read((sql) => compute(endingAt(sql, atMs)))
      })
    } catch (error) {
      if (!(error instanceof ReportTooSlow) && !isStatementTimeout(error)) throw error
      const detail = `The report took longer than ${maxSeconds} s. Ask for a shorter time, or the operator for this one.`
      throw new RequestRefused({ code: 'report_timeout', detail })
    }
  }

  const over = (source: ReportSource): ReportQueue => ({
    compute: (principal, compute) => computeBy(principal, source.read, compute),
    computeOnPrimary: (principal, compute) => computeBy(principal, source.readPrimary, compute),
  })
  return { over, inTurn }
}

class ReportTooSlow extends Error {}

/** Begins no query after a time. One that is running ends by the pool's own timeout. */
function endingAt(sql: Sql, atMs: number): Sql {
  return new Proxy(sql, {
    apply(query, self, parts) {
      if (performance.now() >= atMs) throw new ReportTooSlow()
      return Reflect.apply(query, self, parts)
    },
  })
}

const tooMany: Refusal = {
  code: 'concurrency_exceeded',
  detail: `At most ${maxPerPrincipal} of your reports can wait at once; try again when they are there.`,
  headers: { 'Retry-After': '2' },
}
const busy: Refusal = {
  code: 'reports_busy',
  detail: 'As many reports are waited for as the gateway computes; try again.',
  headers: { 'Retry-After': '10' },
}
