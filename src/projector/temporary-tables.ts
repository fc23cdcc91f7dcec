/** Temporary tables beside the ledger's tables. Only their connection sees them, and they end with it. */
import { connect, defaultSchema, type Sql } from '../ledger/connect.ts'
import { withSearchPath } from './search-path.ts'

export interface TemporaryTables {
  /** The one connection that has the tables; whoever opened it ends it. */
  readonly sql: Sql
  readonly searchPath: { readonly tables: 'pg_temp'; readonly ledger: string }
}

export interface TemporaryOptions {
  readonly url: string
  readonly schema?: string | undefined
}

/** Makes the tables on a connection of their own, as the role that reads. */
export async function openTemporaryTables(
  tables: readonly string[],
  { url, schema = defaultSchema }: TemporaryOptions,
): Promise<TemporaryTables> {
  const sql = connect({ url, schema, as: 'reader', max: 1 })
  const searchPath = { tables: 'pg_temp', ledger: schema } as const
  try {
    await sql.unsafe(`set temp_buffers = '64MB'`)
    await sql.unsafe(withSearchPath(searchPath, tables))
    return { sql, searchPath }
  } catch (error) {
    await sql.end({ timeout: 5 })
    throw error
  }
}
