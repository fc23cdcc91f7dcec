/** Idempotency-Keys: whether a call may be held under one, and the responses that are stored for retries. */
import type { Claim, Verdict } from '../../../src/ledger/append/call-commands.ts'
import type { Rows, Text } from '../wire.ts'
import type { MemoryEvent, MemoryLedger } from './memory-ledger.ts'
import { columnsOf, rowOf, rowsOf } from './rows.ts'

/** What a batch has done already. */
interface Earlier {
  readonly claimed: ReadonlyMap<string, string>
  readonly resolved: ReadonlySet<string>
}

/** claim_verdict, after the claims of the same batch. */
export function claimVerdict(
  { state, shard, byRequest, side }: MemoryLedger,
  { claimed, resolved }: Earlier,
  keyId: string,
  { key, requestHash }: Claim,
): Verdict {
  const inBatch = claimed.get(`${keyId} ${key}`)
  if (inBatch !== undefined) return inBatch === requestHash ? 'in_progress' : 'mismatch'
  const claim = state.claims.get(`${keyId} ${key} ${shard}`)
  if (!claim) return 'ok'
  if (claim.request_hash !== requestHash) return 'mismatch'
  const hold = String(claim.hold_id)
  if (resolved.has(hold) || state.open_holds.has(`${hold} ${shard}`)) return 'in_progress'
  const events = byRequest.get(hold) ?? []
  if (events.some(({ type }) => type === 'HoldSettled')) {
    return isGivenBack(events, hold) ? 'outcome_unknown' : 'replay'
  }
  if (side.responses.has(`${keyId} ${key}`)) return 'resumed'
  const end = events.findLast(({ type }) => type === 'HoldReleased' || type === 'HoldExpired')
  return mayHaveRun(end) ? 'outcome_unknown' : 'ok'
}

/** Whether a charge was refunded because nobody knew whether its response had arrived. */
function isGivenBack(events: readonly MemoryEvent[], hold: string): boolean {
  return events.some(
    ({ type, payload }) =>
      type === 'ChargeRefunded' && payload.externalId === `undelivered:${hold}`,
  )
}

const didNotRun = [
  'upstream_unreachable',
  'upstream_busy',
  'refused_by_upstream',
  'not_successful',
  'append_timed_out',
  'request_refused',
]

function mayHaveRun(end: MemoryEvent | undefined): boolean {
  const reason = end?.payload.reason
  if (didNotRun.includes(reason)) return false
  const status = end?.status ?? null
  const isFromUpstream =
    status !== null && !(status >= 200 && status <= 299) && status < 520 && status !== 502
  return !(reason === 'upstream_failed' && isFromUpstream && status !== 504)
}

export function storeResponse({ side }: MemoryLedger, values: readonly Text[]): Rows {
  const [, key, claim, hold = '', quantity, response = ''] = values as string[]
  const name = `${key} ${claim}`
  const isReplayed = side.responses.get(name)?.isReplayed ?? false
  side.responses.set(name, { hold, quantity: Number(quantity), response, isReplayed })
  return rowOf('store_response_v1 text', '')
}

export function noteReplay({ side }: MemoryLedger, [, key, claim]: readonly Text[]): Rows {
  const name = `${key} ${claim}`
  const stored = side.responses.get(name)
  if (stored) side.responses.set(name, { ...stored, isReplayed: true })
  return rowOf('replayed_v1 text', '')
}

const claimedColumns = columnsOf(
  'holdId text, quantity int8, response bytea, position int8, isRefunded bool',
)

/** find_claim_v1: the call that has a claim, and its stored response. */
export function readClaimedCall(
  { state, shard, byRequest, side }: MemoryLedger,
  [, key, claim]: readonly Text[],
): Rows {
  const found = state.claims.get(`${key} ${claim} ${shard}`)
  if (!found) return rowsOf(claimedColumns, [])
  const hold = String(found.hold_id)
  const events = byRequest.get(hold) ?? []
  const charge = events.find(({ type }) => type === 'HoldSettled')
  const stored = side.responses.get(`${key} ${claim}`)
  return rowsOf(claimedColumns, [
    {
      holdId: hold,
      quantity: stored?.quantity ?? charge?.quantity ?? null,
      response: stored?.response ?? null,
      position: charge?.position ?? null,
      isRefunded: isGivenBack(events, hold),
    },
  ])
}
