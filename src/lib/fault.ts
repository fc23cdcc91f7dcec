/** One thing that is wrong with a document. */
export interface Fault {
  /** From the root to the field: names of mappings, indexes of lists. */
  readonly path: readonly (string | number)[]
  /** What is wrong there, as in `expected an integer ≥ 1, got "fast"`. */
  readonly message: string
}
