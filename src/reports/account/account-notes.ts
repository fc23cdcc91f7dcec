/** What operators noted of an account: events of the log, which a table leads to. They are for operators alone. */
import type { AccountNote } from '../../../events/account.ts'
import { parsePosition, printPosition } from '../../../events/event.ts'
import type { Sql } from '../../ledger/connect.ts'
import { unseal } from '../../ledger/private-fields.ts'
import { readSecrets } from '../../ledger/read/read-accounts.ts'

/** A note in a list for operators. */
export interface ListedNote {
  readonly position: string
  /** ISO 8601. */
  readonly writtenAt: string
  /** Who wrote it, as events name it: `support:<subject>`. */
  readonly actor: string
  /** null: the account was erased, and nobody can read it any more. */
  readonly text: string | null
}

export interface NotePage {
  readonly notes: ListedNote[]
  /** How many notes the account has, on all pages. */
  readonly total: number
  /** The last note of this page, after which the next one begins; null on the last page. */
  readonly next: string | null
}

/**
 * A page of the notes of an account, the newest first; undefined where `after` is no note of it.
 * @param sql of the role of management: notes are sealed
 */
export async function readNotes(
  sql: Sql,
  accountId: string,
  { after, limit }: { readonly after?: string | undefined; readonly limit: number },
): Promise<NotePage | undefined> {
  const last = after === undefined ? undefined : await findNote(sql, accountId, after)
  if (after !== undefined && last === undefined) return undefined
  const [counted] = await sql<[{ total: number }]>`
    select count(*) as total from account_notes where account_id = ${accountId}`
  const rows = await sql<NoteRow[]>`
    select n.shard, n.position, e.recorded_at as "recordedAt", e.actor, e.private
    from account_notes n
    join events e on e.position = n.position and e.shard = n.shard
    where n.account_id = ${accountId} ${last === undefined ? sql`` : sql`and n.position < ${last}`}
    order by n.position desc
    limit ${limit + 1}`
  const secret = (await readSecrets(sql, [accountId])).get(accountId)
  const notes = rows.slice(0, limit).map((row) => ({
    position: printPosition(row),
    writtenAt: row.recordedAt.toISOString(),
    actor: row.actor,
    text: unseal<AccountNote>(secret, accountId, row.private)?.text ?? null,
  }))
  const next = rows.length > limit ? (notes.at(-1)?.position ?? null) : null
  return { notes, total: counted.total, next }
}

interface NoteRow {
  readonly shard: number
  readonly position: number
  readonly recordedAt: Date
  readonly actor: string
  readonly private: Uint8Array | null
}

/** All events of an account are of one shard. */
async function findNote(sql: Sql, accountId: string, text: string): Promise<number | undefined> {
  const found = parsePosition(text)
  if (!found) return undefined
  const [row] = await sql<{ position: number }[]>`
    select position from account_notes
    where account_id = ${accountId} and shard = ${found.shard} and position = ${found.position}`
  return row?.position
}
