/** What an import could not carry over: operations that were left out, and what is looser or gone in the others. */

/** An operation as the document names it: `GET /pets/{id}`. */
type OperationName = string

export interface LeftOut {
  readonly operation: OperationName
  readonly reason: string
}

/** Something that is not as the document says it, in one operation or many. */
export interface Note {
  readonly what: string
  readonly operations: readonly OperationName[]
}

export interface Notes {
  /** What is added from now on belongs to this operation. */
  begin(operation: OperationName): void
  add(what: string): void
  leaveOut(reason: string): void
  readonly leftOut: readonly LeftOut[]
  /** The notes on operations that were not left out, most operations first. */
  list(): Note[]
}

export function openNotes(): Notes {
  const leftOut: LeftOut[] = []
  const byText = new Map<string, Set<OperationName>>()
  let current: OperationName = ''
  return {
    leftOut,
    begin(operation) {
      current = operation
    },
    add(what) {
      const operations = byText.get(what) ?? new Set()
      byText.set(what, operations.add(current))
    },
    leaveOut(reason) {
      leftOut.push({ operation: current, reason })
    },
    list() {
      const gone = new Set(leftOut.map(({ operation }) => operation))
      return [...byText]
        .map(([what, all]) => ({ what, operations: [...all].filter((name) => !gone.has(name)) }))
        .filter(({ operations }) => operations.length > 0)
        .sort((a, b) => b.operations.length - a.operations.length)
    },
  }
}
