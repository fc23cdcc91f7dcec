/** Where the log ends, and whether anything may be written: enter_shard, leave_shard, check_mark, report_divergence. */
import { micros } from '../../support/log.ts'
import type { MemoryEvent, MemoryLedger } from './memory-ledger.ts'

/** A row of `heads`. Times are in microseconds. */
export interface Head {
  readonly position: number
  readonly recordedAt: number
  readonly hash: string
  readonly epoch: number
  readonly clockAt: number
  readonly divergence: string | null
}

export type Fault = 'log_diverged' | 'clock_disagrees'

export interface Mark {
  readonly epoch: number
  readonly position: number
  readonly hash: string
}

const minute = 60_000_000

/** Reads the clock, and says why nothing may be written. */
export function enterShard(
  ledger: MemoryLedger,
  sentAt: string | null | undefined,
): Fault | undefined {
  const { head, clock } = ledger
  ledger.now = Math.max(clock, head.recordedAt)
  if (head.divergence !== null) return 'log_diverged'
  if (!sentAt || clock <= head.clockAt + 5 * minute || ledger.bug === 'trusts-its-clock')
    return undefined
  return Math.abs(clock - micros(sentAt)) > minute ? 'clock_disagrees' : undefined
}

/** Moves the head to the last event, and accepts the clock's reading. */
export function leaveShard(ledger: MemoryLedger): void {
  const { head, now, position } = ledger
  const last = ledger.events.at(-1)
  ledger.head = {
    ...head,
    position,
    hash: last?.event_hash ?? '',
    recordedAt: position > head.position ? now : head.recordedAt,
    clockAt: Math.max(head.clockAt, now),
  }
}

/** Whether the log is, or is found to be, another one than somebody has seen. */
export function hasDiverged(ledger: MemoryLedger, instance: string, mark: Mark | null): boolean {
  const { head } = ledger
  if (ledger.bug === 'compares-no-log') return false
  if (head.divergence !== null) return true
  if (!mark || mark.position === 0 || mark.epoch < head.epoch) return false
  if (mark.epoch > head.epoch || mark.position > head.position) {
    const ends = `the log ends at ${head.position} of epoch ${head.epoch}`
    const seen = `${instance} has seen position ${mark.position} of epoch ${mark.epoch}`
    reportDivergence(ledger, `${seen}, and ${ends}`)
    return true
  }
  if (ledger.events[mark.position - 1]?.event_hash === mark.hash) return false
  reportDivergence(ledger, `${instance} has seen another event at position ${mark.position}`)
  return true
}

/** The first sign of it stays. */
export function reportDivergence(ledger: MemoryLedger, divergence: string): void {
  ledger.head = { ...ledger.head, divergence: ledger.head.divergence ?? divergence }
}

/** hash_event: SHA-256 over all fields of an event, one a line, an absent one as an empty line. */
export function hashOf(event: Omit<MemoryEvent, 'event_hash'>, login: string): string {
  const list = (values: readonly number[] | null) => (values ? `{${values.join(',')}}` : null)
  const fields = [
    ...[event.shard, event.position, event.recorded_at, event.occurred_at],
    ...[event.type, event.stream_version, event.account_id, event.key_id, event.mode],
    ...[event.request_id, event.endpoint, event.tariff, event.credits, event.quantity],
    ...[event.slots, event.status, event.latency_ms],
    ...[list(event.lots), list(event.held), list(event.moved), event.actor, event.instance],
    ...[JSON.stringify(event.payload), event.private?.slice('\\x'.length), login],
  ]
  return Bun.SHA256.hash(fields.map((field) => field ?? '').join('\n'), 'hex')
}
