/**
 * Whether a command may open its request: check_request.sql, of a log that has one partition, where the unique index alone
 * finds what is opened already.
 */
import { openingKinds } from '../../../src/ledger/append/batch.ts'
import type { CallCommand } from '../../../src/ledger/append/call-commands.ts'
import { holdOf } from '../../support/log-rules.ts'
import type { Row } from '../../support/oracle.ts'
import type { MemoryLedger } from './memory-ledger.ts'

const marginMs = 300_000
const uuidV7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** The lease that a command runs on, as it stands before the batch: what the batch does to it changes no id's time. */
export function leaseOf(ledger: MemoryLedger, command: CallCommand): Row | undefined {
  const isOnLease = command.kind === 'charge_on_lease' || command.kind === 'void_on_lease'
  return isOnLease ? holdOf(ledger.state, command, ledger.shard) : undefined
}

/**
 * undefined: it may, unless the unique index refuses it.
 * @param lease by leaseOf
 */
export function requestVerdict(
  ledger: MemoryLedger,
  command: Exclude<CallCommand, { calls: number }>,
  lease: Row | undefined,
): 'request_out_of_time' | undefined {
  if (!openingKinds.some((kind) => kind === command.kind)) return undefined
  if (ledger.bug === 'opens-twice') return undefined
  const { requestId } = command
  if (!uuidV7.test(requestId)) return 'request_out_of_time'
  const ms = Number.parseInt(requestId.slice(0, 8) + requestId.slice(9, 13), 16)
  const fromMs = inMs(lease ? Number(lease.held_at) : ledger.now)
  if (ms < fromMs - marginMs || ms > inMs(ledger.now) + marginMs) return 'request_out_of_time'
  return undefined
}

function inMs(micros: number): number {
  return Math.round(micros / 1_000)
}
