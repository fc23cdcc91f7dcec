/** Temporary tables, which only their connection sees and which end with it, beside the tables of the ledger. */
import { connect, defaultSchema, type Sql } from '../ledger/connect.ts'
import { at } from './mapping.ts'

export interface Temporary {
  /** One connection, where the temporary tables are; to be ended by whoever opened it. */
  readonly sql: Sql
  readonly place: { readonly tables: 'pg_temp'; readonly ledger: string }
}

export interface TemporaryOptions {
  readonly url: string
  readonly schema?: string | undefined
}

/** Makes tables on a connection of their own, as the serving role. */
export async function openTemporary(
  tables: readonly string[],
  { url, schema = defaultSchema }: TemporaryOptions,
): Promise<Temporary> {
  const sql = connect({ url, schema, as: 'serving', max: 1 })
  const place = { tables: 'pg_temp', ledger: schema } as const
  try {
    await sql.unsafe(`set temp_buffers = '64MB'`)
    await sql.unsafe(at(place, tables))
    return { sql, place }
  } catch (error) {
    await sql.end({ timeout: 5 })
    throw error
  }
}
