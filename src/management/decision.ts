/** What a decision answers: the events that follow, or why there are none. Plain data. */

/** Why a management command was refused. Whoever answers the client gives it words and a status. */
export type RefusalName =
  | 'account_unknown'
  | 'account_frozen'
  | 'account_erased'
  | 'key_unknown'
  | 'key_revoked'
  | 'charge_unknown'
  | 'exceeds_charge'
  | 'plan_unknown'
  | 'plan_not_grantable'
  | 'permission_unknown'
  | 'exceeds_account'
  | 'time_passed'
  | 'ends_before_start'
  | 'external_id_taken'
  | 'external_id_reserved'
  | 'changed_meanwhile'
  | 'no_tariff'
  | 'already_published'

export interface Refused {
  readonly refused: RefusalName
  /** The part of the command that was at fault, where one was. */
  readonly field?: string
  /** What would have been accepted, or what there is. */
  readonly expected?: string
  readonly available?: number
}

export type Decision<Fact> = { readonly facts: readonly Fact[] } | Refused

export function refused(name: RefusalName, more: Omit<Refused, 'refused'> = {}): Refused {
  return { refused: name, ...more }
}

export function isRefused(value: object | undefined): value is Refused {
  return value !== undefined && 'refused' in value
}

/**
 * Decides one command after the other, each on what the ones before it left; one refusal refuses all.
 * What they decided together can then be recorded together.
 */
export function decideAll<State, Command, Fact>(
  { decide, evolve }: Decider<State, Command, Fact>,
  state: State,
  commands: readonly Command[],
): Decision<Fact> {
  const facts: Fact[] = []
  let now = state
  for (const command of commands) {
    const decision = decide(now, command)
    if ('refused' in decision) return decision
    facts.push(...decision.facts)
    now = decision.facts.reduce(evolve, now)
  }
  return { facts }
}

export interface Decider<State, Command, Fact> {
  readonly decide: (state: State, command: Command) => Decision<Fact>
  readonly evolve: (state: State, fact: Fact) => State
}
