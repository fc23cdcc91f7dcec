/** Whether refunds are of charges, and never exceed them: in all, and lot by lot. */
import { isOpeningOrNot } from '../../../../events/openings.ts'
import type { CheckConnection, Finding } from '../log-check.ts'
import { microsOf, type RareEvent } from './rare-events.ts'

type Entry = Pick<
  RareEvent,
  | 'position'
  | 'type'
  | 'occurredAt'
  | 'accountId'
  | 'keyId'
  | 'mode'
  | 'requestId'
  | 'endpoint'
  | 'tariff'
  | 'credits'
  | 'lots'
  | 'moved'
>

const maxRefunds = 5_000

export async function checkRefunds(
  refunds: readonly RareEvent[],
  connection: CheckConnection,
): Promise<Finding[]> {
  const findings: Finding[] = []
  for (let i = 0; i < refunds.length; i += maxRefunds) {
    const some = refunds.slice(i, i + maxRefunds)
    const entries = Map.groupBy(await readEntries(connection, some), (entry) => entry.requestId)
    for (const refund of some) {
      const faults = refundFaults(refund, entries.get(refund.requestId) ?? [])
      findings.push(...faults.map((fault) => ({ position: refund.position, fault })))
    }
  }
  return findings
}

/** The charges and refunds of the same requests. */
function readEntries({ sql }: CheckConnection, refunds: readonly RareEvent[]): Promise<Entry[]> {
  return sql<Entry[]>`
    select position, type, (extract(epoch from occurred_at) * 1000000)::float8 as "occurredAt", account_id as "accountId",
      key_id as "keyId", mode, request_id as "requestId", endpoint, tariff, coalesce(credits, 0) as credits,
      coalesce(lots, '{}') as lots, coalesce(moved, '{}') as moved
    from events
    where request_id = any(${refunds.map(({ requestId }) => requestId)}::text[])
      and type in ('HoldSettled', 'ChargeRefunded') and ${sql.unsafe(isOpeningOrNot)}
    order by position`
}

function refundFaults(refund: RareEvent, entries: readonly Entry[]): string[] {
  const charge = entries.find(
    ({ type, position }) => type === 'HoldSettled' && position < refund.position,
  )
  if (!charge) return ['it refunds no charge']
  const faults: string[] = []
  const same = ['accountId', 'keyId', 'mode', 'endpoint', 'tariff'] as const
  const other = same.filter((field) => refund[field] !== charge[field])
  if (other.length > 0) faults.push(`its charge is of another ${other.join(', ')}`)
  if (microsOf(String(refund.payload?.chargedAt)) !== charge.occurredAt) {
    faults.push('its charge was made at another time')
  }
  const left = new Map(charge.lots.map((lot, i) => [lot, charge.moved[i] ?? 0]))
  for (const { type, position, lots, moved } of entries) {
    if (type !== 'ChargeRefunded' || position > refund.position) continue
    for (const [i, lot] of lots.entries()) left.set(lot, (left.get(lot) ?? 0) - (moved[i] ?? 0))
  }
  if ([...left.values()].some((credits) => credits < 0)) {
    faults.push('more is refunded than was charged')
  } else if (!isLastFirst([...left], charge)) {
    faults.push('it does not go back to the lots that were drawn last')
  }
  return faults
}

/** Whether a lot got something back only where all that were drawn on after it have got all of theirs. */
function isLastFirst(left: readonly (readonly [number, number])[], charge: Entry): boolean {
  const settled = new Map(charge.lots.map((lot, i) => [lot, charge.moved[i] ?? 0]))
  return left.every(
    ([lot, rest], i) =>
      rest === settled.get(lot) || left.slice(i + 1).every(([, later]) => later === 0),
  )
}
