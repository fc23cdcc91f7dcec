/** I10: what a killed gateway charged for a response that did not arrive is not shown as sent. */
import { lookUpCharge } from '../../src/reports/charge/charge-lookup.ts'
import type { ClientCall, Finding, LoggedCall } from './records.ts'
import type { Execution } from './upstream.ts'
import type { World } from './world.ts'

export async function wronglySent(
  { ledger, fleet }: World,
  calls: readonly ClientCall[],
  executions: readonly Execution[],
  logged: ReadonlyMap<string, LoggedCall>,
): Promise<Finding[]> {
  const ran = new Map(executions.map(({ callId, requestId }) => [callId, requestId]))
  const findings: Finding[] = []
  for (const { id, kind, whole, left, isNamed, gateway, requestId } of calls) {
    // What is metered along the way is charged as it was sent: of that, a last part at most has not arrived.
    if (kind.arrived) continue
    // What was tried again may have run in another try.
    if (whole || left || isNamed || !fleet.named.get(gateway)?.isKilled) continue
    const found = requestId ?? ran.get(id)
    if (found === undefined || logged.get(found)?.settles !== 1) continue
    const delivery = (await lookUpCharge(ledger.sql, found))?.delivery
    if (delivery !== 'sent') continue
    findings.push({ invariant: 'I10', what: `${id} ${found}: charged by ${gateway}, and not sent` })
  }
  return findings
}
