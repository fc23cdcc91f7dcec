import { printPosition, type RecordedEvent } from '../../events/event.ts'
import type { Sql } from '../ledger/connect.ts'
import { unseal } from '../ledger/private-fields.ts'
import { readSecrets } from '../ledger/read/read-accounts.ts'

/** The reasons of events, by printed position. They are encrypted under the secrets of the accounts. */
export async function readReasons(
  sql: Sql,
  events: readonly RecordedEvent[],
): Promise<ReadonlyMap<string, string>> {
  const sealed = events.flatMap((event) =>
    event.private && event.accountId ? [{ event, accountId: event.accountId }] : [],
  )
  if (sealed.length === 0) return new Map()
  const secrets = await readSecrets(
    sql,
    sealed.map(({ accountId }) => accountId),
  )
  return new Map(
    sealed.flatMap(({ event, accountId }) => {
      const secret = secrets.get(accountId)
      const reason = unseal<{ reason?: string }>(secret, accountId, event.private)?.reason
      return reason === undefined ? [] : [[printPosition(event), reason]]
    }),
  )
}
