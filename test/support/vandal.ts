/** Connections that can change what nobody may change: no trigger fires for them. */
import { connect, type Sql } from '../../src/ledger/connect.ts'

export async function openTriggerless(url: string): Promise<Sql> {
  const sql = connect({ url, as: 'owner', max: 1 })
  await sql`set session_replication_role = replica`
  return sql
}

/** To this one, requests can be opened twice, too: the database's indexes against that are dropped. */
export async function openVandal(url: string): Promise<Sql> {
  const vandal = await openTriggerless(url)
  const indexes = await vandal<{ name: string }[]>`
    select indexrelid::regclass::text as name from pg_index
    where indisunique and indexrelid::regclass::text like '%openings'`
  for (const { name } of indexes) await vandal.unsafe(`drop index ${name}`)
  return vandal
}
