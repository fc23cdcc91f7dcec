import { printPosition, type RecordedEvent } from '../../events/event.ts'
import { typesWith } from '../../events/event-types.ts'
import type { Sql } from '../ledger/connect.ts'
import { unseal } from '../ledger/private-fields.ts'
import { readSecrets } from '../ledger/read/read-accounts.ts'

/** Types of events that are of no account. What happened to the log itself says its reason in words. */
const ofNobody: readonly string[] = [
  ...typesWith('stream', 'tariffs'),
  ...typesWith('stream', 'operators'),
]

/**
 * The reasons of events, by printed position. They are encrypted under the secrets of the accounts; that of a tariff or an
 * operator key is of no account, and stands in the event.
 */
export async function readReasons(
  sql: Sql,
  events: readonly RecordedEvent[],
): Promise<ReadonlyMap<string, string>> {
  const sealed = events.flatMap((event) =>
    event.private && event.accountId ? [{ event, accountId: event.accountId }] : [],
  )
  const open = events.flatMap((event) =>
    ofNobody.includes(event.type) && typeof event.payload.reason === 'string'
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
