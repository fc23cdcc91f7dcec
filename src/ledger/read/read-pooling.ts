/**
 * Whether something that shares connections (PgBouncer and its like) stands between here and PostgreSQL. A gateway has pools of its
 * own, and its connections are sessions: each takes a role, and asks for a search path and time limits when it begins.
 */
import postgres from 'postgres'
import { connect, type Sql, searchPath } from '../connect.ts'
import { type Role, roleNames } from '../roles.ts'

/** How often another connection is given the chance to meet the first one's session. */
const maxMeetings = 10

/**
 * How a pooler spoils the connections of a URL, as a part of a sentence; undefined: it does not.
 * @throws whatever else keeps the database from being used
 */
export async function poolingFault(url: string, as: 'owner' | Role): Promise<string | undefined> {
  const [first, second] = [connect({ url, as, max: 1 }), connect({ url, as, max: 1 })]
  try {
    const session = await readSession(first)
    const dropped = droppedSetting(session, as)
    if (dropped) return `a connection pooler drops what connections ask for (${dropped})`
    // A pooler makes up the process that it names to its clients.
    if (session.announcedPid === session.pid) return undefined
    return (await shareSessions(first, second))
      ? 'a connection pooler gives each transaction another session (transaction pooling)'
      : undefined
  } catch (error) {
    if (!(error instanceof postgres.PostgresError) || error.code !== '08P01') throw error
    return `a connection pooler refuses what connections ask for (${error.message})`
  } finally {
    await Promise.all([first.end({ timeout: 1 }), second.end({ timeout: 1 })])
  }
}

interface Session {
  readonly role: string
  readonly searchPath: string
  readonly isolation: string
  readonly pid: number
  readonly announcedPid: number
}

/** In the simple protocol, for a pooler may lose prepared statements. */
async function readSession(sql: Sql): Promise<Session> {
  const rows = await sql<[Omit<Session, 'announcedPid'>]>`
    select current_setting('role') as role, current_setting('search_path') as "searchPath",
      current_setting('default_transaction_isolation') as isolation, pg_backend_pid() as pid`.simple()
  return { ...rows[0], announcedPid: rows.state.pid }
}

function droppedSetting(session: Session, as: 'owner' | Role): string | undefined {
  if (as !== 'owner' && session.role !== roleNames[as]) return 'role'
  if (session.searchPath !== searchPath()) return 'search_path'
  if (session.isolation !== 'read committed') return 'default_transaction_isolation'
  return undefined
}

/** A setting of the first session that the second meets, or that the first misses while the second has a transaction. */
async function shareSessions(first: Sql, second: Sql): Promise<boolean> {
  const mark = crypto.randomUUID()
  const read = (sql: Sql) =>
    sql<
      [{ mark: string | null }]
    >`select current_setting('tollbook.session', true) as mark`.simple()
  await first.unsafe(`select set_config('tollbook.session', '${mark}', false)`).simple()
  for (let meeting = 0; meeting < maxMeetings; meeting++) {
    await second`begin`.simple()
    try {
      const [met] = await read(second)
      if (met.mark === mark) return true
      const [kept] = await read(first)
      if (kept.mark !== mark) return true
    } finally {
      await second`rollback`.simple()
    }
  }
  return false
}
