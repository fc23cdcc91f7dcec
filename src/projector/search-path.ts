/** Where the bare table names of an SQL text lead: first to the projection's tables, then to the ledger's. */
export interface SearchPath {
  /** The schema of the projection's tables: one beside the ledger's (rebuild) or `pg_temp` (verify, as-of). */
  readonly tables: string
  /** The ledger's schema. */
  readonly ledger: string
}

/**
 * Joins statements into one text that sets the search path first. The text is sent as one message and is therefore
 * one transaction, so the path holds for the whole text and for nothing else, whichever connection of a pool runs it.
 */
export function withSearchPath(
  { tables, ledger }: SearchPath,
  statements: readonly string[],
): string {
  return [`set local search_path = ${tables}, ${ledger}, pg_temp`, ...statements].join(';\n')
}
