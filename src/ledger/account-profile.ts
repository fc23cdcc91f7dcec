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

/** The text that an account is found by: its name and its contact, whichever there are. */
export function nameToFind({ name, contact }: AccountProfile): string {
  return foldName([name ?? '', contact ?? ''].join('\n'))
}

/** As names are compared: in small letters, and a letter written in two ways as one. A table keeps a thousand characters of it. */
export function foldName(text: string): string {
  return [...text.normalize('NFKC').toLowerCase()].slice(0, 1_000).join('')
}

/**
 * Writes the names that the table beside the log lacks, from the documents of their accounts: after a restore all of them, for a
 * backup has none.
 * @param sql of the schema's owner
 */
export async function fillAccountNames(sql: Sql): Promise<void> {
  const rows = await sql<(SealedProfile & { shard: number })[]>`
    select a.account_id as "accountId", a.shard, s.secret, a.private
    from account_state a
    join account_secrets s on s.account_id = a.account_id and s.shard = a.shard
    left join account_names n on n.account_id = a.account_id and n.shard = a.shard
    where a.private is not null and not a.erased and n.account_id is null`
  if (rows.length === 0) return
  const names = rows.map((row) => ({
    ...{ account_id: row.accountId, shard: row.shard, name: nameToFind(unsealProfile(row)) },
  }))
  await sql`
    insert into account_names (account_id, shard, name)
    select account_id, shard, name from jsonb_to_recordset(${JSON.stringify(names)}::text::jsonb)
      as filled (account_id text, shard smallint, name text)
    on conflict (account_id, shard) do nothing`
}
