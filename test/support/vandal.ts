/** A connection that can change what nobody may change: no trigger fires for it. */
import { connect, type Sql } from '../../src/ledger/connect.ts'

export async function openVandal(url: string): Promise<Sql> {
  const vandal = connect({ url, as: 'owner', max: 1 })
  await vandal`set session_replication_role = replica`
  return vandal
}
