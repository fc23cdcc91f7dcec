/** What becomes of a hold: settled or released, once. */
import type { Appender } from '../ledger/appender.ts'
import type { Answer, CutBy } from '../ledger/items.ts'
import type { KeyRecord } from '../ledger/read.ts'

/** A hold that was granted. */
export interface OpenHold {
  readonly requestId: string
  readonly key: KeyRecord
  readonly endpoint: string
  readonly tariff: string
  readonly credits: number
  readonly quantity: number
  /** When the call began, on the monotonic clock. */
  readonly startedAtMs: number
}

/** Charges what was used. Throws when the charge is not durable; the answer must not be sent then. */
export async function settle(
  appender: Appender,
  hold: OpenHold,
  used: {
    readonly credits: number
    readonly quantity: number
    readonly status: number
    readonly shortfall?: number
    readonly cutBy?: CutBy
    readonly sentAlong?: true
  },
): Promise<Answer> {
  const answer = await appender.append({ kind: 'settle', ...reference(hold), ...used })
  if (answer.verdict !== 'ok') throw new SettlementRefused(answer.verdict)
  return answer
}

/**
 * Frees the hold uncharged. Resolves to undefined when the book cannot be reached: the hold then stays
 * until it expires, which frees it too.
 */
export async function release(
  appender: Appender,
  hold: OpenHold,
  reason: string,
  status?: number,
): Promise<Answer | undefined> {
  try {
    const answer = await appender.append({
      kind: 'release',
      ...reference(hold),
      reason,
      ...(status === undefined ? {} : { status }),
    })
    return answer.verdict === 'ok' ? answer : undefined
  } catch {
    return undefined
  }
}

/** The book does not know the hold any more: it was expired meanwhile. */
export class SettlementRefused extends Error {
  override readonly name = 'SettlementRefused'
}

function reference({ requestId, key, endpoint, tariff, startedAtMs }: OpenHold) {
  return {
    requestId,
    accountId: key.accountId,
    keyId: key.keyId,
    mode: key.mode,
    endpoint,
    tariff,
    actor: `key:${key.keyId}`,
    latencyMs: Math.round(performance.now() - startedAtMs),
  }
}
