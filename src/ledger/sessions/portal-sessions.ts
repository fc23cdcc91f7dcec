/** Who is signed in to the portal with a browser. A session ends after an hour without use, and after twelve hours. */
import type { Sql } from '../connect.ts'

/** Whom a session is of. */
export interface SessionOwner {
  /** The user. */
  readonly subject: string
  /** The organisation that the user acts for. */
  readonly organisation?: string | undefined
}

export interface PortalSession extends SessionOwner {
  readonly signedInAt: Date
}

export interface PortalSessions {
  /**
   * Opens a session. @param hash of its id @param replaces hash of the id of the session that the browser had before, which ends
   * @returns the time of the sign-in
   */
  open(hash: Uint8Array, owner: SessionOwner, replaces: Uint8Array | undefined): Promise<Date>
  /** The session, if it is not over. */
  use(hash: Uint8Array): Promise<PortalSession | undefined>
  close(hash: Uint8Array): Promise<void>
}

/** @param sql connects as the role of management */
export function openPortalSessions(sql: Sql): PortalSessions {
  return {
    async open(hash, { subject, organisation }, replaces) {
      const [row] = await sql<[{ at: Date }]>`
        select open_session_v1(${hash}, ${subject}, ${organisation ?? null}, ${replaces ?? null}) as at`
      return row.at
    },
    async use(hash) {
      const [row] = await sql<[SessionRow?]>`select * from use_session_v1(${hash})`
      if (!row) return undefined
      const { subject, organisation, signed_in_at: signedInAt } = row
      return { subject, signedInAt, ...(organisation !== null && { organisation }) }
    },
    async close(hash) {
      await sql`select close_session_v1(${hash})`
    },
  }
}

interface SessionRow {
  readonly subject: string
  readonly organisation: string | null
  readonly signed_in_at: Date
}
