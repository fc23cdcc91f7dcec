import { printPosition, type RecordedEvent } from '../../events/event.ts'
import type { Sql } from '../ledger/connect.ts'
import { unseal } from '../ledger/private-fields.ts'
import { readSecrets } from '../ledger/read/read-accounts.ts'

/**
 * The reasons of events, by printed position. They are encrypted under the secrets of the accounts; that of a tariff is of no
 * account, and stands in the event.
 */
export async function readReasons(
  sql: Sql,
  events: readonly RecordedEvent[],
): Promise<ReadonlyMap<string, string>> {
  const sealed = events.flatMap((event) =>
    event.private && event.accountId ? [{ event, accountId: event.accountId }] : [],
  )
  const open = events.flatMap((event) =>
    event.type === 'TariffPublished' && typeof event.payload.reason === 'string'
      ? [[printPosition(event), event.payload.reason] as const]
      : [],
  )
  if (sealed.length === 0) return new Map(open)
  const secrets = await readSecrets(
    sql,
    sealed.map(({ accountId }) => accountId),
  )
  return new Map([
    ...open,
    ...sealed.flatMap(({ event, accountId }) => {
      const secret = secrets.get(accountId)
      const reason = unseal<{ reason?: string }>(secret, accountId, event.private)?.reason
      return reason === undefined ? [] : [[printPosition(event), reason] as const]
    }),
  ])
}
