/** What a decision returns: the events that follow from a command, or the refusal. Plain data. */

/** Why a management command was refused. HTTP and the command line each have a text and a status for it. */
export type RefusalName =
  | 'account_unknown'
  | 'account_frozen'
  | 'account_erased'
  | 'key_unknown'
  | 'too_many_keys'
  | 'key_revoked'
  | 'charge_unknown'
  | 'pack_unknown'
  | 'exceeds_charge'
  | 'too_many_credits'
  | 'delivery_pending'
  | 'delivery_not_unknown'
  | 'plan_unknown'
  | 'plan_not_grantable'
  | 'permission_unknown'
  | 'exceeds_account'
  | 'budget_twice'
  | 'too_many_budgets'
  | 'time_zone_unknown'
  | 'time_passed'
  | 'expires_too_late'
  | 'ends_before_start'
  | 'external_id_taken'
  | 'external_id_reserved'
  | 'changed_meanwhile'
  | 'version_moved'
  | 'idempotency_key_taken'
  | 'secret_was_shown'
  | 'no_tariff'
  | 'already_published'
  | 'scale_changed'
  | 'would_drop'

export interface Refused {
  readonly refused: RefusalName
  /** The field of the command that is at fault, where one is. */
  readonly field?: string
  /** What would have been accepted. */
  readonly expected?: string
  /** What would disappear, kind by kind: `plans: gold`. */
  readonly dropped?: readonly string[]
  /** How many credits there are, or can be, where the command asked for more. */
  readonly available?: number
}

export type Decision<Event> = { readonly events: readonly Event[] } | Refused

/** Decides commands on a state: `decide(state, command) → events`, `evolve(state, event) → state`. */
export interface Decider<State, Command, Event> {
  readonly decide: (state: State, command: Command) => Decision<Event>
  readonly evolve: (state: State, event: Event) => State
}

export function refused(name: RefusalName, more: Omit<Refused, 'refused'> = {}): Refused {
  return { refused: name, ...more }
}

export function isRefused(value: object | undefined): value is Refused {
  return value !== undefined && 'refused' in value
}

/**
 * Decides several commands in their order, each on the state that the ones before it left. One refusal refuses
 * them all, so their events can be recorded together.
 */
export function decideAll<State, Command, Event>(
  { decide, evolve }: Decider<State, Command, Event>,
  state: State,
  commands: readonly Command[],
): Decision<Event> {
  const events: Event[] = []
  let current = state
  for (const command of commands) {
    const decision = decide(current, command)
    if (isRefused(decision)) return decision
    events.push(...decision.events)
    current = decision.events.reduce(evolve, current)
  }
  return { events }
}
