import type { Route } from '../config/config.ts'

/** When the server ends a connection on which nothing moves. */
export interface IdleTimeout {
  readonly seconds: number
  /** Sets it for the connection of one request; 0 is never. */
  readonly set: (request: Request, seconds: number) => void
}

/** Whether a call's upstream may take longer than a silent connection lives, with a margin for the ledger. */
export function exceedsIdleTimeout({ seconds }: IdleTimeout, { timeoutMs }: Route): boolean {
  return timeoutMs / 1_000 + 30 > seconds
}
