/** A request that is done once: an Idempotency-Key of somebody, and what was asked under it. */
export interface Once {
  /** Of the command: one for each key of each principal. */
  readonly id: string
  /** A hash of what is asked. */
  readonly request: string
  /**
   * The same as the version before hashed it, without the key: what was done then, and is asked again now, is the same. For one
   * release, in which such requests come again.
   */
  readonly formerRequest?: string
}

/** @param kept the hash that was kept under the id */
export function isSameRequest({ request, formerRequest }: Once, kept: string | null): boolean {
  return kept === request || (formerRequest !== undefined && kept === formerRequest)
}

/** Who changes something, and why. */
export interface Actor {
  /** As events name it: `user:<subject>`, `admin:<subject>`, `support:<subject>`, `operator-key:<id>`, `key:<id>` or `cli`. */
  readonly id: string
  /** Where the actor gives one. It is kept encrypted with the events of an account; what is of no account has it as plain text. */
  readonly reason?: string | undefined
  /** Under what name he does it once, however often he asks. */
  readonly once?: Once | undefined
}
