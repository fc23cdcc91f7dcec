/**
 * A connection that can change what nobody may change: no trigger fires for it, and requests can be opened twice. The database's
 * indexes against that are dropped.
 */
import { connect, type Sql } from '../../src/ledger/connect.ts'

export async function openVandal(url: string): Promise<Sql> {
  const vandal = connect({ url, as: 'owner', max: 1 })
  await vandal`set session_replication_role = replica`
  const indexes = await vandal<{ name: string }[]>`
    select indexrelid::regclass::text as name from pg_index
    where indisunique and indexrelid::regclass::text like '%openings'`
  for (const { name } of indexes) await vandal.unsafe(`drop index ${name}`)
  return vandal
}
