/**
 * The real ledger as the simulation's network sees it. A run is one transaction that is never committed: each statement of
 * a gateway is a savepoint within it. So the log can be put back to any of them, and the next run begins anew.
 */
import postgres from 'postgres'
import type { Reply, Rows, Server, Statement } from './wire.ts'

/** Values pass as texts, both ways. */
const asText = Object.fromEntries(
  [16, 17, 20, 21, 23, 25, 114, 1082, 1114, 1184, 2278, 3802].map((type) => [
    `type${type}`,
    { to: type, from: [type], serialize: (text: string) => text, parse: (text: string) => text },
  ]),
)

export interface PostgresServer extends Server {
  /** @param isFinal it is never undone: PostgreSQL forgets its savepoint, of which many cost much */
  execute(statement: Statement, nowMs: number, isFinal?: boolean): Promise<Reply>
  /** Undoes the last transactions, so many of those that wrote. */
  putBack(transactions: number): Promise<void>
  /** Undoes everything since it was opened, or since this was last called, and sets the clock. */
  reset(nowMs: number): Promise<void>
  /** Who is logged in. */
  readonly login: string
  /** The connection, in whose transaction everything stands. */
  readonly sql: postgres.Sql
  close(): Promise<void>
}

/** @param url of a migrated database; its clock is replaced */
export async function openPostgresServer(url: string): Promise<PostgresServer> {
  const sql = postgres(url, {
    ...{
      max: 1,
      fetch_types: false,
      types: asText,
      onnotice: () => {},
      idle_timeout: null as never,
    },
    max_lifetime: null,
    connection: { search_path: 'tollbook, pg_temp', timezone: 'UTC' },
  })
  await sql.unsafe(`create or replace function ledger_now() returns timestamptz language sql volatile
    as $$ select current_setting('simulation.now')::timestamptz $$`)
  const [session] = await sql.unsafe('select session_user::text as login')
  let saved = 0
  await begin()

  async function begin(): Promise<void> {
    saved = 0
    await sql.unsafe('begin')
  }

  async function execute(
    { text, values }: Statement,
    nowMs: number,
    isFinal = false,
  ): Promise<Reply> {
    const now = new Date(nowMs).toISOString()
    const setClock = sql
      .unsafe(`savepoint s${saved + 1}; set local simulation.now = '${now}'`)
      .execute()
    const query = sql.unsafe(text, [...values], { prepare: true }).execute()
    await setClock
    try {
      const rows = await query
      if (isFinal) await sql.unsafe(`release s${saved + 1}`)
      else saved++
      return rowsOf(rows)
    } catch (error) {
      if (!(error instanceof postgres.PostgresError)) throw error
      await sql.unsafe(`rollback to s${saved + 1}`)
      const { code, message, constraint_name } = error
      return { error: { code, message, ...(constraint_name && { constraint_name }) } }
    }
  }

  return {
    login: session?.login,
    sql,
    execute,
    async putBack(transactions) {
      saved = Math.max(saved - transactions, 0)
      await sql.unsafe(`rollback to s${saved + 1}`)
    },
    async reset(nowMs) {
      await sql.unsafe('rollback')
      await begin()
      const now = new Date(nowMs).toISOString()
      await sql.unsafe(`update heads set recorded_at = '${now}', clock_at = '${now}'`)
    },
    async close() {
      await sql.unsafe('rollback')
      await sql.end({ timeout: 5 })
    },
  }
}

function rowsOf(found: postgres.RowList<postgres.Row[]>): Rows {
  const columns = found.columns.map(({ name, type }) => ({ name, type }))
  return { columns, rows: found.map((row) => columns.map(({ name }) => row[name] ?? null)) }
}
