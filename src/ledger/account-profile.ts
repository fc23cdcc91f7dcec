/** Who owns an account, as its private document says, and the names by which accounts are found, which stand beside the log. */
import type { AccountProfile } from '../../events/account.ts'
import type { Sql } from './connect.ts'
import { unseal } from './private-fields.ts'

/** Of an account that nobody has described, or that was erased. */
export const noProfile: AccountProfile = {
  ...{ name: null, contact: null, billingAddress: [], taxId: null },
}

/** An account's sealed profile, and what it is sealed under. */
export interface SealedProfile {
  readonly accountId: string
  /** null: the account was erased. */
  readonly secret: Uint8Array | null
  /** null: nobody has described it. */
  readonly private: Uint8Array | null
}

/** The profile; that of nobody where there is none, or none that can be read. */
export function unsealProfile({ accountId, secret, private: sealed }: SealedProfile) {
  const {
    name = null,
    contact = null,
    billingAddress = [],
    taxId = null,
  } = unseal<Partial<AccountProfile>>(secret, accountId, sealed) ?? noProfile
  return { name, contact, billingAddress, taxId } satisfies AccountProfile
}

/** Characters that the table keeps, and of them those of a contact: an address in plain letters is no longer. */
const [maxCharacters, maxContactCharacters] = [1_000, 254]

/** The text that an account is found by: its contact and its name, whichever there are. A long name does not push the contact out. */
export function nameToFind({ name, contact }: AccountProfile): string {
  const ofContact = [...foldName(contact ?? '')].slice(0, maxContactCharacters).join('')
  return cut(`${ofContact}\n${foldName(name ?? '')}`)
}

/**
 * As names are compared: in small letters, and a letter written in two ways as one. Each letter by itself, so that a beginning is
 * folded as it is in the whole: at the end of a word alone `Σ` becomes `ς`, and `İ` becomes an i and a dot of its own.
 */
export function foldName(text: string): string {
  const letters = [...text.normalize('NFKC')].map((letter) => letter.toLowerCase())
  return cut(letters.join('').replaceAll('ς', 'σ').replaceAll('\u0307', ''))
}

function cut(text: string): string {
  return [...text].slice(0, maxCharacters).join('')
}

/** Of those that are read and written at once. */
const maxAccounts = 10_000

/**
 * Writes the names that the table beside the log lacks, from the documents of their accounts: after a restore all of them, for a
 * backup has none.
 * @param sql of the schema's owner
 */
export async function fillAccountNames(sql: Sql): Promise<void> {
  let last = { accountId: '', shard: 0 }
  for (;;) {
    const rows = await sql<(SealedProfile & { shard: number })[]>`
      select a.account_id as "accountId", a.shard, s.secret, a.private
      from account_state a
      join account_secrets s on s.account_id = a.account_id and s.shard = a.shard
      left join account_names n on n.account_id = a.account_id and n.shard = a.shard
      where a.private is not null and not a.erased and n.account_id is null
        and (a.account_id, a.shard) > (${last.accountId}::text, ${last.shard}::smallint)
      order by a.account_id, a.shard limit ${maxAccounts}`
    await insertNames(sql, rows)
    if (rows.length < maxAccounts) return
    last = rows.at(-1) ?? last
  }
}

/** An account that is erased meanwhile has no secret any more, or its erasure waits for the lock and then deletes the name, too. */
async function insertNames(
  sql: Sql,
  rows: readonly (SealedProfile & { readonly shard: number })[],
): Promise<void> {
  const names = rows.map((row) => ({
    ...{ account_id: row.accountId, shard: row.shard, name: nameToFind(unsealProfile(row)) },
  }))
  await sql`
    with open as (
      select f.account_id, f.shard, f.name
      from jsonb_to_recordset(${JSON.stringify(names)}::text::jsonb) as f (account_id text, shard smallint, name text)
      join account_secrets s on s.account_id = f.account_id and s.shard = f.shard
      for key share of s
    )
    insert into account_names (account_id, shard, name)
    select account_id, shard, name from open
    on conflict (account_id, shard) do nothing`
}
