/**
 * Changes that no rule of the log can tell, each with the reason why only evidence from outside could show it. The hash of a
 * changed event is another one, so whoever has seen the log further than the event (a gateway's mark, a backup's head) can tell
 * each of them.
 */

interface Unseen {
  /** The names of mutations. */
  readonly changes: RegExp
  readonly why: string
}

export const unseen: readonly Unseen[] = [
  {
    changes: /: (instance|login)$/,
    why: 'Which gateway wrote an event, and as whom it was logged in, is said by the event alone: producers are forgotten, and not restored with a log.',
  },
  {
    changes: /^(?!.*(Held|Settled|Released|Expired|Extended|Counted|Refused)).*: actor$/,
    why: 'Who gave a management command is said by its events alone.',
  },
  {
    changes: /: private$/,
    why: 'It is sealed under the secret of its account, which verify does not read.',
  },
  {
    changes: /^Hold(Settled|Released).*: (no )?(status|latency_ms)( of 0)?$/,
    why: "What the upstream responded, and how long it took, is known by the call's own client.",
  },
  {
    changes: /: payload\.holdSeconds/,
    why: 'How long a hold may stay open is configured at its gateway. Where it expires, its time must be over.',
  },
  {
    changes: /payload\.shortfall$/,
    why: 'What a call used beyond its hold is said by its upstream alone, and is not charged.',
  },
  {
    changes: /without payload\.(delivered|terminatedBy)$/,
    why: 'How far a response came is known by its gateway and its client.',
  },
  {
    changes: /^HoldReleased.*: payload\.reason$/,
    why: 'Why a call is not charged is known by its gateway.',
  },
  {
    changes: /^HoldReleased on a lease: (quantity|another tariff|another endpoint)/,
    why: 'A call that was not charged leaves nothing else in the log.',
  },
  {
    changes:
      /^HoldSettled on a lease.*: another request_id$|^HoldReleased on a lease: another request_id$/,
    why: 'A call on a lease is named by its own event alone. Two of one name are kept out by an index of the partition.',
  },
  {
    changes: /^CreditsHeld with a claim: payload\.(claim|requestHash)$/,
    why: 'An Idempotency-Key is known by its client. It is hashed under the secret of its account.',
  },
  {
    changes: /^Calls(Counted|Refused): (quantity|another endpoint|unknown endpoint|payload\..*)$/,
    why: 'Calls that are only counted leave nothing else in the log.',
  },
  {
    changes: /^UsageImported: /,
    why: 'It is what another service said.',
  },
]

/** Why a change goes unseen; undefined: it must be named. */
export function reasonOf(name: string): string | undefined {
  return unseen.find(({ changes }) => changes.test(name))?.why
}
