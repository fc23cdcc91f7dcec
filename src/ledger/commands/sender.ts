/** Who sends management commands, as the ledger is told with each of them, and what it learns from the replies. */
import { createHash } from 'node:crypto'
import { canonicalJson } from '../../../events/canonical-json.ts'
import type { HighWaterMark, HighWaterMarks } from '../append/high-water-marks.ts'
import { type LedgerFault, LedgerUnavailable } from '../unavailable.ts'

/** A reply: a result, or why the ledger takes no command. */
export interface CommandReply<Verdict extends string> {
  readonly verdict: Verdict | LedgerFault
  /** Where the log ends after an accepted command. */
  readonly head?: HighWaterMark
}

export interface Sender {
  /** As the SQL functions take it. @param request the hash of the request that the command is of, which is kept beside it */
  ofShard(shard: number, request?: string): string
  /**
   * Learns what a reply says, and returns its verdict.
   * @throws LedgerUnavailable where the log is not the one that this process, or a gateway, has seen of it, and where the ledger's
   *   clock and this machine's disagree
   */
  accept<Verdict extends string>(shard: number, reply: CommandReply<Verdict>): Verdict
}

/** Why the ledger takes no command. */
const faults: Readonly<Record<LedgerFault, string>> = {
  log_diverged: 'the log is not the one that a gateway has seen: see "tollbook doctor"',
  clock_disagrees: 'the clocks of the ledger and of this machine disagree: see "tollbook clock"',
}

/**
 * @param instance names this process in every event
 * @param marks what this process has seen of the log; absent: it has seen nothing
 */
export function openSender(instance: string, marks?: HighWaterMarks): Sender {
  return {
    ofShard: (shard, request) =>
      JSON.stringify({
        ...{ instance, sentAt: new Date().toISOString() },
        ...{ mark: marks?.of(shard), request },
      }),

    accept<Verdict extends string>(shard: number, { verdict, head }: CommandReply<Verdict>) {
      if (isFault(verdict)) throw new LedgerUnavailable(faults[verdict])
      if (head) marks?.raise(shard, head)
      return verdict as Verdict
    },
  }
}

function isFault(verdict: string): verdict is LedgerFault {
  return Object.hasOwn(faults, verdict)
}

/** The hash by which the ledger tells whether a command that it gets again is the same. */
export function digest(request: object): string {
  return createHash('sha256').update(canonicalJson(request)).digest('hex')
}
