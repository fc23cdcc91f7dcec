/** What was seen from outside in a run: what invariants.ts judges it by, beside the log. */
import type { MemoryEvent } from './memory-ledger/memory-ledger.ts'

export interface CallRecord {
  /** Counted from 1, as the trace names it. */
  readonly nth: number
  /** The gateway's process. */
  readonly gateway: string
  readonly begunMs: number
  /** From its response's head. */
  requestId?: string
  status?: number
  /** The response, or the connection, ended for the client. */
  endedMs?: number
  /** Its last byte left the gateway. */
  deliveredMs?: number
  hasLeft?: true
  /** A response that was stored for an earlier call. */
  isReplay?: true
  /** It came when all faults were over. */
  isLast?: true
  /** The code of a refusal. */
  code?: string
}

/** What the ledger decided about a gateway's command. */
export interface DecisionRecord {
  readonly atMs: number
  readonly gateway: string
  readonly requestId: string
  readonly kind: string
  readonly position: number
  readonly verdict: string
}

export interface RefundRecord {
  readonly requestId: string
  readonly atMs: number
}

/** The log was put back. */
export interface PutBackRecord {
  readonly atMs: number
  /** Where the log ended then. */
  readonly position: number
  readonly lost: readonly MemoryEvent[]
  /** How far each gateway had seen it. */
  readonly seen: ReadonlyMap<string, number>
  /** When the owner accepted the loss. */
  acceptedMs: number | undefined
}

export interface Records {
  readonly calls: CallRecord[]
  readonly decisions: DecisionRecord[]
  readonly refunds: RefundRecord[]
  readonly putBacks: PutBackRecord[]
  /** Commands that were poisoned. */
  readonly poisoned: Set<string>
  /** By gateway: how far it has seen the log. */
  readonly seen: Map<string, number>
  /** Why gateways could not be asked any more at the end. */
  readonly unended: string[]
}

export function emptyRecords(): Records {
  return {
    ...{ calls: [], decisions: [], refunds: [], putBacks: [], unended: [] },
    ...{ poisoned: new Set(), seen: new Map() },
  }
}
