/**
 * Changes that no rule of the log can tell, each with the reason why only evidence from outside could show it. The hash of a
 * changed event is another one, so a backup tells each of them, and a gateway's mark that of the event which it saw last.
 */
import type { OnlySaidByEvents } from '../../src/projector/verify/evidence/only-said-by-events.ts'

interface Unseen {
  /** The names of mutations. */
  readonly changes: RegExp
  /** How `verify` names it among what it cannot tell. */
  readonly named: OnlySaidByEvents
  readonly why: string
}

export const unseen: readonly Unseen[] = [
  {
    changes: /: (instance|login)$/,
    named: 'gateway',
    why: 'Which gateway wrote an event, and as whom it was logged in, is said by the event alone: producers are forgotten, and not restored with a log.',
  },
  {
    changes: /^(?!.*(Held|Settled|Released|Expired|Extended|Counted|Refused)).*: actor$/,
    named: 'actor',
    why: 'Who gave a management command is said by its events alone.',
  },
  {
    changes: /: private$/,
    named: 'private',
    why: 'It is sealed under the secret of its account, which verify does not read.',
  },
  {
    changes: /^Hold(Settled|Released).*: (no )?(status|latency_ms)( of 0)?$/,
    named: 'response',
    why: "What the upstream responded, and how long it took, is known by the call's own client.",
  },
  {
    changes: /: payload\.holdSeconds/,
    named: 'holdSeconds',
    why: 'How long a hold may stay open is configured at its gateway. Where it expires, its time must be over.',
  },
  {
    changes: /payload\.shortfall$/,
    named: 'shortfall',
    why: 'What a call used beyond its hold is said by its upstream alone, and is not charged.',
  },
  {
    changes: /without payload\.(delivered|terminatedBy)$/,
    named: 'delivery',
    why: 'How far a response came is known by its gateway and its client.',
  },
  {
    changes: /^HoldReleased.*: payload\.reason$/,
    named: 'releaseReason',
    why: 'Why a call is not charged is known by its gateway.',
  },
  {
    changes: /^HoldReleased on a lease: (quantity|another tariff|another endpoint)/,
    named: 'uncharged',
    why: 'A call that was not charged leaves nothing else in the log.',
  },
  {
    changes:
      /^HoldSettled (in budgets )?on a lease.*: another request_id$|^HoldReleased on a lease: another request_id$/,
    named: 'callOnLease',
    why: 'A call on a lease is named by its own event alone. Two of one name are kept out by an index of the partition.',
  },
  {
    changes: /^CreditsHeld with a claim: payload\.(claim|requestHash)$/,
    named: 'idempotencyKey',
    why: 'An Idempotency-Key is known by its client. It is hashed under the secret of its account.',
  },
  {
    changes: /^Calls(Counted|Refused): (quantity|another endpoint|unknown endpoint|payload\..*)$/,
    named: 'counted',
    why: 'Calls that are only counted leave nothing else in the log.',
  },
  {
    changes: /^(LogRestored|ClockConfirmed): payload\.reason$/,
    named: 'ownerReason',
    why: 'It is what the owner said.',
  },
  {
    changes: /^ClockConfirmed: both times$/,
    named: 'lastTime',
    why: 'It is the last event of the life: no event after it has an earlier time.',
  },
  {
    changes: /^UsageImported: /,
    named: 'imported',
    why: 'It is what another service said.',
  },
]

/** Why a change goes unseen; undefined: it must be named. */
export function reasonOf(name: string): string | undefined {
  return unseen.find(({ changes }) => changes.test(name))?.why
}
