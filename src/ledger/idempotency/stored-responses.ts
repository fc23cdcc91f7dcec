/**
 * Responses stored for the retries of calls with an Idempotency-Key. A response is stored before its charge is appended,
 * so a retry gets it even when the gateway died before it could deliver it. It is sealed under the account's secret and
 * forgotten after a day.
 */

import type { Counted, Parts } from '../../../events/counted.ts'
import { awaitLedger } from '../await-ledger.ts'
import type { Sql } from '../connect.ts'
import { seal, unseal } from '../private-fields.ts'

export interface StoredResponse {
  readonly status: number
  readonly headers: readonly (readonly [string, string])[]
  readonly body: Uint8Array
}

/** Whose response it is. */
export interface ResponseOwner {
  readonly shard: number
  readonly keyId: string
  readonly accountId: string
  readonly accountSecret: Uint8Array | null
  /** The Idempotency-Key's hash. */
  readonly claim: string
}

/** The call that has a claim, and what came of it. */
export interface ClaimedCall extends Counted {
  readonly requestId: string
  /** Where it was charged; absent when it was not. */
  readonly settled?: { readonly shard: number; readonly position: number }
  /** Its charge was refunded because nobody knew whether its response had arrived. */
  readonly isRefunded: boolean
  /** Absent when it was too large to be stored, or is forgotten. */
  readonly response?: StoredResponse
}

export interface StoredResponses {
  /** @throws LedgerUnavailable when it cannot be stored in time */
  store(
    owner: ResponseOwner,
    of: Counted & { readonly requestId: string },
    response: StoredResponse,
  ): Promise<void>
  /**
   * The call that has the claim.
   * @throws LedgerUnavailable when it cannot be read in time
   */
  read(owner: ResponseOwner): Promise<ClaimedCall | undefined>
  /**
   * Notes that the response is delivered again.
   * @throws LedgerUnavailable when that cannot be done in time
   */
  replayed(owner: ResponseOwner): Promise<void>
}

interface Sealed {
  status: number
  headers: [string, string][]
  body: string
  parts?: Parts
}

interface Row {
  holdId: string
  quantity: number | null
  response: Uint8Array | null
  position: number | null
  isRefunded: boolean
}

/** @param timeoutMs how long a client waits */
export function openStoredResponses(sql: Sql, timeoutMs: number): StoredResponses {
  const inTime = <T>(query: Promise<T>) => awaitLedger(timeoutMs, query)

  return {
    async store(
      { shard, keyId, accountId, accountSecret, claim },
      { requestId, quantity, parts },
      response,
    ) {
      if (!accountSecret) throw new TypeError(`${accountId} has no secret to seal a response with`)
      const { status, headers, body } = response
      const text = Buffer.from(body).toString('base64')
      const sealed = seal(accountSecret, accountId, {
        status,
        headers,
        body: text,
        ...(parts && { parts }),
      } satisfies object)
      await inTime(
        sql`select store_response_v1(${shard}::smallint, ${keyId}, ${claim}, ${requestId}, ${quantity}, ${sealed})`,
      )
    },

    async replayed({ shard, keyId, claim }) {
      await inTime(sql`select replayed_v1(${shard}::smallint, ${keyId}, ${claim})`)
    },

    async read({ shard, keyId, accountId, accountSecret, claim }) {
      const [row] = await inTime(
        sql<Row[]>`
          select hold_id as "holdId", quantity, response, position, is_refunded as "isRefunded"
          from find_claim_v1(${shard}::smallint, ${keyId}, ${claim})`,
      )
      if (!row) return undefined
      const sealed = unseal<Sealed>(accountSecret, accountId, row.response)
      return {
        requestId: row.holdId,
        quantity: row.quantity ?? 0,
        ...(sealed?.parts && { parts: sealed.parts }),
        isRefunded: row.isRefunded,
        ...(row.position === null ? {} : { settled: { shard, position: row.position } }),
        ...(sealed && { response: { ...sealed, body: Buffer.from(sealed.body, 'base64') } }),
      }
    },
  }
}

/** Forgets up to so many responses that are older than a day. Returns whether there may be more. */
export async function forgetResponses(sql: Sql, max = 1_000): Promise<boolean> {
  const [row] = await sql<[{ forgotten: number }]>`select forget_responses_v1(${max}) as forgotten`
  return row.forgotten === max
}
