/**
 * Customers who ask for their charges back, and I13: who gets one back gets no response after that, and had none before unless
 * his gateway was fenced.
 */
import type { Sql } from '../../src/ledger/connect.ts'
import type { FaultGateway } from './gateways.ts'
import type { ClientCall, Finding } from './records.ts'
import type { World } from './world.ts'

/** Asks a gateway to give the last charges back, whoever charged them. */
export async function askBack(
  { cast, ledger, refundedAtMs }: World,
  gateway: FaultGateway,
): Promise<void> {
  const keyTexts = new Map([...cast.wide, cast.busy].map(({ keyId, text }) => [keyId, text]))
  const charges = await lastCharges(ledger.sql)
  await Promise.all(
    charges.map(async ({ requestId, keyId }) => {
      const key = keyTexts.get(keyId)
      if (key === undefined) return
      const headers = { 'X-API-Key': key }
      // A gateway that refuses, or whose ledger is away, gives nothing back.
      await fetch(`${gateway.url}/v1/charges/${requestId}/refund`, { method: 'POST', headers })
        .then(async (response) => {
          await response.bytes()
          if (response.ok && !refundedAtMs.has(requestId)) {
            refundedAtMs.set(requestId, performance.now())
          }
        })
        .catch(() => {})
    }),
  )
}

function lastCharges(sql: Sql) {
  return sql<{ requestId: string; keyId: string }[]>`
    select request_id as "requestId", key_id as "keyId" from events
    where type = 'HoldSettled' and position > (select position - 300 from heads where shard = 0)
    order by position desc limit 60`
}

export async function wronglyRefunded(
  { ledger, refundedAtMs }: World,
  calls: readonly ClientCall[],
): Promise<Finding[]> {
  const refunded = await ledger.sql<{ requestId: string; isFenced: boolean }[]>`
    select c.request_id as "requestId", exists (
      select from events f
      where f.type = 'ProducerFenced' and f.payload ->> 'instance' = c.instance and f.position < r.position
        and (f.payload ->> 'deliveredUpTo')::bigint < c.position) as "isFenced"
    from events r join events c on c.request_id = r.request_id and c.type = 'HoldSettled'
    where r.type = 'ChargeRefunded' and r.payload ->> 'externalId' = 'undelivered:' || r.request_id`
  const fenced = new Map(refunded.map(({ requestId, isFenced }) => [requestId, isFenced]))
  const findings: Finding[] = []
  for (const { id, requestId = '', worth, gateway, endedAtMs = 0 } of calls) {
    const isFenced = fenced.get(requestId)
    if (!worth || isFenced === undefined) continue
    const isAfter = endedAtMs > (refundedAtMs.get(requestId) ?? Number.POSITIVE_INFINITY)
    if (isFenced && !isAfter) continue
    const when = isAfter ? 'arrived after it was' : 'arrived, and was'
    findings.push({
      invariant: 'I13',
      what: `${id} ${requestId} of ${gateway}: ${when} refunded as undelivered`,
    })
  }
  return findings
}
