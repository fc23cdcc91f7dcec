/** I7: no refusal comes from a state older than a second. */
import type { ClientCall, Finding } from './records.ts'

const maxStalenessMs = 1_000

/** What an enabled key of a good account is never refused with. */
const stale = new Set(['key_disabled', 'account_frozen', 'endpoint_not_allowed', 'unknown_key'])

/** A key was allowed to call, or was not any more, from this moment on. */
export interface KeyChange {
  readonly keyId: string
  readonly allowed: boolean
  readonly atMs: number
}

export function* staleRefusals(
  calls: readonly ClientCall[],
  changes: readonly KeyChange[],
): Generator<Finding> {
  for (const { keyId, code, sentAtMs, endedAtMs = 0, id, gateway } of calls) {
    if (code === undefined || !stale.has(code)) continue
    const last = changes.findLast((change) => change.keyId === keyId && change.atMs <= endedAtMs)
    if (!last?.allowed || sentAtMs - last.atMs <= maxStalenessMs) continue
    const age = Math.round(sentAtMs - last.atMs)
    yield { invariant: 'I7', what: `${id} by ${gateway}: ${code}, ${age} ms after it was allowed` }
  }
}
