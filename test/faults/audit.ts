/**
 * The auditor reads the log as it grows, folds it by itself, and compares the three records and the projections.
 * It is asked when all calls have ended; what was audited once is not audited again.
 */
import { projections } from '../../projections/index.ts'
import type { Sql } from '../../src/ledger/connect.ts'
import { catchUpAll } from '../support/catch-up-all.ts'
import { compareWithState } from '../support/compare.ts'
import { type LogEvent, readLog } from '../support/log.ts'
import { followLog } from '../support/log-rules.ts'
import { until } from '../support/until.ts'
import { wronglySent } from './delivery.ts'
import { type KeyChange, staleRefusals } from './freshness.ts'
import { exceededRateLimits, type Span } from './rate-limits.ts'
import {
  addToRecord,
  type ClientCall,
  chargedAsSent,
  chargedOnce,
  type Finding,
  heldBefore,
  type LoggedCall,
  ranAsHeld,
  ranOnce,
} from './records.ts'
import { wronglyRefunded } from './refunds.ts'
import { openHolds, untilLedgerResponds, type World } from './world.ts'

const catchUpNames = projections.filter(({ mode }) => mode === 'catch-up').map(({ name }) => name)

export interface Auditor {
  /** Every call of the log so far, by request id. */
  readonly logged: ReadonlyMap<string, LoggedCall>
  /** Events so far. */
  readonly events: number
  /** Calls so far that ran on leases and were charged. */
  readonly onLease: number
  /** When Redis was away: a span that covers it may have twice as many calls. */
  readonly redisAway: Span[]
  /** Changes of keys, by which refusals are judged. */
  readonly keyChanges: KeyChange[]
  /** How long after their deadline the last holds were freed that the last audit found open; 0: none were. */
  readonly overdueMs: number
  /** Waits until all is over that was begun, and then finds what is wrong. */
  audit(world: World): Promise<Finding[]>
}

/** The leases of a key that has fallen idle are released by then. */
const freedWithinMs = 2_500
/** A hold ends this long after its deadline at the latest: gateways look every two seconds. */
const expiredWithinMs = 8_000

export function openAuditor(): Auditor {
  const follower = followLog()
  const logged = new Map<string, LoggedCall>()
  const redisAway: Span[] = []
  const keyChanges: Auditor['keyChanges'] = []
  const counted = new Map<string, number>()
  let overdueMs = 0
  let last = 0
  let auditedCalls = 0
  let auditedExecutions = 0

  async function audit(world: World): Promise<Finding[]> {
    const findings: Finding[] = []
    await untilLedgerResponds(world)
    const settled = await settleDown(world)
    // With all holds ended, it can be known what came of a call whose gateway died.
    for (const attempt of world.unfinished.splice(0)) await attempt()
    await settleDown(world)
    findings.push(...settled.findings)
    overdueMs = settled.overdueMs
    const { log, head, differences } = await readLedger(world.ledger.sql)
    addToRecord(logged, log)
    const calls = world.calls.slice(auditedCalls)
    const executions = world.upstream.executions.slice(auditedExecutions)
    auditedCalls = world.calls.length
    auditedExecutions = world.upstream.executions.length
    findings.push(
      ...chargedOnce(calls, logged),
      ...heldBefore(calls, logged),
      ...chargedAsSent(calls, logged),
      ...ranAsHeld(calls, executions, world.upstream.executions, logged),
      ...ranOnce(calls, executions, logged),
      ...log.flatMap((event) => overcounted(event, counted, world.calls)),
      ...head,
      ...differences,
      ...exceededRateLimits(calls, executions, redisAway),
      ...staleRefusals(calls, keyChanges),
      ...(await wronglySent(world, calls, executions, logged)),
      ...(await wronglyRefunded(world, calls)),
    )
    return findings
  }

  /** What of the log is new, and how the projections differ from it: all as of one moment. */
  async function readLedger(sql: Sql) {
    for (;;) {
      await catchUpAll(sql)
      const seen = await sql.begin('isolation level repeatable read', async (tx) => {
        const at = tx as unknown as Sql
        const [{ behind, position }] = await at<[{ behind: boolean; position: number }]>`
          select h.position, bool_or(h.position > c.position) as behind
          from heads h join projection_checkpoints c on c.shard = h.shard and c.projection = any(${catchUpNames})
          group by h.position`
        if (behind) return undefined
        const log = await readLog(at, 0, last)
        const head = follow(log, position)
        const rows = await compareWithState(at, follower.state)
        const differences = rows.map(
          (difference): Finding => ({ invariant: 'I4', what: JSON.stringify(difference) }),
        )
        return { log, head, differences }
      })
      if (seen) return seen
    }
  }

  function follow(log: readonly LogEvent[], position: number): Finding[] {
    const findings: Finding[] = follower.breachesOf(log).map((what) => ({
      invariant: what.endsWith('positions are consecutive') ? 'I4' : 'I3',
      what,
    }))
    last = log.at(-1)?.position ?? last
    if (last !== position) {
      findings.push({ invariant: 'I4', what: `the head stands at ${position}, the log at ${last}` })
    }
    return findings
  }

  return {
    logged,
    get events() {
      return last
    },
    get onLease() {
      return [...logged.values()].filter((call) => call.onLease && call.settles > 0).length
    },
    get overdueMs() {
      return overdueMs
    },
    redisAway,
    keyChanges,
    audit,
  }
}

/** Lets what is under way end, puts the clock past every deadline, and waits for the gateways to expire the rest. */
async function settleDown(world: World): Promise<{ findings: Finding[]; overdueMs: number }> {
  const { ledger, clock, upstream } = world
  await until(() => upstream.running === 0, 20_000)
  const allClosed = async () => (await openHolds(world)) === 0
  if (await holdsWithin(freedWithinMs, allClosed)) return { findings: [], overdueMs: 0 }
  const [row] = await ledger.sql<[{ leap: number }]>`
    select ceil(extract(epoch from max(expires_at) - ledger_now()) * 1000)::integer as leap
    from open_holds`
  await clock.move(Math.max(row.leap ?? 0, 0) + 1)
  const dueAtMs = performance.now()
  const closed = await holdsWithin(expiredWithinMs, allClosed)
  const overdueMs = performance.now() - dueAtMs
  if (closed) return { findings: [], overdueMs }
  const left = await ledger.sql<{ hold_id: string }[]>`select hold_id from open_holds`
  const findings = left.map(
    ({ hold_id }): Finding => ({ invariant: 'I5', what: `${hold_id} is still open` }),
  )
  return { findings, overdueMs }
}

async function holdsWithin(ms: number, condition: () => Promise<boolean>): Promise<boolean> {
  const deadline = performance.now() + ms
  while (!(await condition())) {
    if (performance.now() > deadline) return false
    await Bun.sleep(20)
  }
  return true
}

/** Calls that cost nothing are counted at most as often as they were made. */
function overcounted(
  { type, key_id, endpoint, quantity }: LogEvent,
  counted: Map<string, number>,
  calls: readonly ClientCall[],
): Finding[] {
  if (type !== 'CallsCounted') return []
  const name = `${key_id} ${endpoint}`
  const sum = (counted.get(name) ?? 0) + quantity
  counted.set(name, sum)
  const made = calls.filter(({ keyId, kind }) => keyId === key_id && kind.endpoint === endpoint)
  if (sum <= made.length) return []
  return [{ invariant: 'I2', what: `${name}: counted ${sum} times, made ${made.length}` }]
}
