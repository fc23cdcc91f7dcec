/** Who changes something, and why. */
export interface Actor {
  /** As events name it: `user:<subject>`, `admin:<subject>`, `support:<subject>`, `key:<id>` or `cli`. */
  readonly id: string
  /** Kept encrypted with the events, where the actor gives one. */
  readonly reason?: string | undefined
}
