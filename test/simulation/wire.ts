/** What passes between a gateway and the ledger: a statement with the texts of its parameters, and the texts of its rows. */

export type Text = string | null

export interface Statement {
  readonly text: string
  readonly values: readonly Text[]
}

/** A column's type is PostgreSQL's number of it. */
export interface Column {
  readonly name: string
  readonly type: number
}

export interface Rows {
  readonly columns: readonly Column[]
  readonly rows: readonly (readonly Text[])[]
}

/** PostgreSQL refused the statement, and nothing of it was written. */
export interface ServerError {
  readonly code: string
  readonly message: string
  readonly constraint_name?: string
}

export type Reply = Rows | { readonly error: ServerError }

/** A ledger as the network sees it. */
export interface Server {
  /** Decides a statement at a time, as one transaction. */
  execute(statement: Statement, nowMs: number): Reply | Promise<Reply>
}

/** PostgreSQL's numbers of types. */
export const types = {
  bool: 16,
  bytea: 17,
  int8: 20,
  int2: 21,
  int4: 23,
  text: 25,
  json: 114,
  texts: 1009,
  int8s: 1016,
  timestamptz: 1184,
  void: 2278,
  jsonb: 3802,
} as const
