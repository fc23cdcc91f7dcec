/** Who is signed in with a browser, to the portal or the console. A session ends after an hour without use, and after twelve hours. */
import type { Sql } from '../connect.ts'

/** Whom a session is of. */
export interface SessionOwner {
  /** In the portal everyone is an owner or a reader, and in the console nobody. */
  readonly role: 'owner' | 'reader' | 'support' | 'admin' | 'auditor'
  /** The user. */
  readonly subject: string
  /** The organisation that the user acts for. */
  readonly organisation?: string | undefined
}

export interface Session extends SessionOwner {
  readonly signedInAt: Date
}

export interface SessionRows {
  /**
   * Opens a session. @param hash of its id @param replaces hash of the id of the session that the browser had before, which ends
   * @returns the time of the sign-in
   */
  open(hash: Uint8Array, owner: SessionOwner, replaces: Uint8Array | undefined): Promise<Date>
  /** The session, if it is not over. */
  use(hash: Uint8Array): Promise<Session | undefined>
  close(hash: Uint8Array): Promise<void>
  /** Ends all sessions of a user. @returns how many */
  closeAll(subject: string): Promise<number>
  /** Deletes those that are over. */
  forget(): Promise<void>
}

/** Sessions as the role of owners' routes has them: it signs in to the portal alone. @param sql connects as that role */
export function openOwnSessionRows(sql: Sql): SessionRows {
  return {
    ...openSessionRows(sql),
    async open(hash, { role, subject, organisation }, replaces) {
      const [row] = await sql<[{ at: Date }]>`
        select open_own_session_v1(${hash}, ${role}, ${subject}, ${organisation ?? null}, ${replaces ?? null}) as at`
      return row.at
    },
  }
}

/** @param sql connects as the role of management */
export function openSessionRows(sql: Sql): SessionRows {
  return {
    async open(hash, { role, subject, organisation }, replaces) {
      const [row] = await sql<[{ at: Date }]>`
        select open_session_v1(${hash}, ${role}, ${subject}, ${organisation ?? null}, ${replaces ?? null}) as at`
      return row.at
    },
    async use(hash) {
      const [row] = await sql<[SessionRow?]>`select * from use_session_v1(${hash})`
      if (!row) return undefined
      const { role, subject, organisation, signed_in_at: signedInAt } = row
      return { role, subject, signedInAt, ...(organisation !== null && { organisation }) }
    },
    async close(hash) {
      await sql`select close_session_v1(${hash})`
    },
    async closeAll(subject) {
      const [row] = await sql<[{ ended: number }]>`select close_sessions_v1(${subject}) as ended`
      return row.ended
    },
    async forget() {
      await sql`select forget_sessions_v1()`
    },
  }
}

interface SessionRow {
  readonly role: SessionOwner['role']
  readonly subject: string
  readonly organisation: string | null
  readonly signed_in_at: Date
}
