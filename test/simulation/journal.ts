/** Everything that the ledger of a run was asked, in its order, with its replies: what PostgreSQL is asked again. */
import type { Reply, Statement } from './wire.ts'

export type JournalEntry =
  | { readonly statement: Statement; readonly nowMs: number; readonly reply: Reply }
  /** The log was put back by so many statements that wrote. */
  | { readonly putBack: number }
  | { readonly forgetsProducers: true }

export interface Journal {
  readonly entries: readonly JournalEntry[]
  /** The hashes of all events, in their order. */
  readonly hashes: readonly string[]
}
