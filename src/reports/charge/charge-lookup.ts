/** One call's charge, from the log: what was held for it, what became of the hold, what was given back. */
import type { TypeWith } from '../../../events/catalogue.ts'
import { type Mode, printPosition } from '../../../events/event.ts'
import { holdTypes, typesWith } from '../../../events/event-types.ts'
import { typeIn } from '../../../events/type-condition.ts'
import type { TerminatedBy } from '../../ledger/append/call-commands.ts'
import type { Sql } from '../../ledger/connect.ts'

export interface Charge {
  readonly requestId: string
  readonly status: 'held' | 'settled' | 'released' | 'expired'
  readonly accountId: string
  readonly keyId: string
  readonly mode: Mode
  readonly endpoint: string
  /** The upper bound that was held. */
  readonly heldCredits: number
  /** What was charged: 0 unless settled. */
  readonly credits: number
  readonly refunded: number
  readonly quantity: number
  /** Hash of the tariff that priced the call. */
  readonly tariff: string
  readonly heldAt: string
  /** null unless settled */
  readonly settledAt: string | null
  /**
   * Of a settled call, what became of its answer: `sent`, `pending` (it is leaving), `replayed` under its
   * Idempotency-Key, `cut` before its end (`cutBy` says by whom); `unknown` where its gateway died before it could tell
   * or kept it back, and absent where gateways did not tell yet.
   */
  readonly delivery?: 'sent' | 'pending' | 'replayed' | 'cut' | 'unknown'
  /** When the hold was settled, released or expired; null while it is open. */
  readonly resolvedAt: string | null
  /** It ran on a hold that was taken for calls to come, and was held and settled at once at its end. */
  readonly onLease?: true
  readonly positions: {
    /** Of a call held ahead, where the standing hold stands. */
    readonly held: string
    readonly extended?: readonly string[]
    readonly settled?: string
    readonly released?: string
    readonly expired?: string
    readonly refunded?: readonly string[]
  }
  /** Of a release: why nothing was charged. */
  readonly reason?: string
  /** Of a settlement: credits that the call cost beyond its hold, and that nobody pays. */
  readonly shortfall?: number
  /** Of a settlement before the answer's end: the client left, the service broke off, the hold could not grow. */
  readonly terminatedBy?: TerminatedBy
}

/** The types that a charge is made of: what happens to its hold, and refunds. */
type ChargeEventType = TypeWith<{ hold: string }> | TypeWith<{ moves: 'refunded' }>
const chargeTypes = [...holdTypes, ...typesWith('moves', 'refunded')]

interface Row {
  shard: number
  position: number
  requestId: string
  type: ChargeEventType
  recordedAt: Date
  accountId: string
  keyId: string
  mode: Mode
  endpoint: string
  tariff: string
  credits: number
  quantity: number
  payload: { reason?: string; shortfall?: number; terminatedBy?: TerminatedBy }
  recent: boolean
  /** How far the event's gateway has delivered; null: it never said. */
  delivered: number | null
  /** Of a hold: its stored answer was given again. */
  replayed: boolean
  /** The answer was kept back. */
  withheld: boolean
  /** Of a call that ran on a standing hold, where that stands. */
  standing: number | null
}

/** The charge of a call; undefined when there is none, or it is another account's. */
export async function lookUpCharge(
  sql: Sql,
  requestId: string,
  accountId?: string,
): Promise<Charge | undefined> {
  const rows = await sql<Row[]>`
    select shard, position, request_id as "requestId", type, recorded_at as "recordedAt",
      account_id as "accountId", key_id as "keyId", mode, endpoint, tariff, credits, quantity, payload,
      recorded_at > ledger_now() - interval '10 seconds' as recent,
      (select d.position from deliveries d where d.instance = e.instance and d.shard = e.shard) as delivered,
      (select h.position from events h where h.request_id = e.payload ->> 'lease' and h.shard = e.shard
        and h.type = 'CreditsHeld') as standing,
      exists (select from withheld w where w.position = e.position and w.shard = e.shard) as withheld,
      exists (
        select from stored_responses a
        where e.type = 'CreditsHeld' and a.key_id = e.key_id and a.claim = e.payload ->> 'claim'
          and a.shard = e.shard and a.replayed_at is not null
      ) as replayed
    from events e
    where request_id = ${requestId} and slots is null
      and ${sql.unsafe(typeIn(chargeTypes))}
      ${accountId === undefined ? sql`` : sql`and account_id = ${accountId}`}
    order by shard, position`
  const found = rows.reduce<Charge | undefined>(evolve, undefined)
  const delivery = deliveryOf(rows)
  return found && { ...found, ...(delivery && { delivery }) }
}

/** What became of the answer of a call that was settled. */
function deliveryOf(rows: readonly Row[]): Charge['delivery'] {
  const settled = rows.find(({ type }) => type === 'HoldSettled')
  if (!settled || settled.delivered === null) return undefined
  if (settled.payload.terminatedBy) return 'cut'
  if (settled.position <= settled.delivered && !settled.withheld) return 'sent'
  if (rows.some(({ replayed }) => replayed)) return 'replayed'
  return settled.recent && !settled.withheld ? 'pending' : 'unknown'
}

function evolve(charge: Charge | undefined, row: Row): Charge | undefined {
  const position = printPosition(row)
  const time = row.recordedAt.toISOString()
  // A hold under the same id again, after the first one ended uncharged, is the call's second try.
  if (row.type === 'CreditsHeld') return held(row, position, time)
  if (row.standing !== null) {
    const standing = printPosition({ ...row, position: row.standing })
    const ahead = { ...held(row, standing, time), onLease: true as const }
    return evolve(ahead, { ...row, standing: null })
  }
  if (!charge) return undefined
  const { positions } = charge
  switch (row.type) {
    case 'HoldExtended':
      return {
        ...charge,
        heldCredits: charge.heldCredits + row.credits,
        quantity: charge.quantity + row.quantity,
        positions: { ...positions, extended: [...(positions.extended ?? []), position] },
      }
    case 'HoldSettled':
      return {
        ...charge,
        status: 'settled',
        credits: row.credits,
        quantity: row.quantity,
        settledAt: time,
        resolvedAt: time,
        positions: { ...positions, settled: position },
        ...(row.payload.shortfall ? { shortfall: row.payload.shortfall } : {}),
        ...(row.payload.terminatedBy ? { terminatedBy: row.payload.terminatedBy } : {}),
      }
    case 'HoldReleased':
      return {
        ...charge,
        status: 'released',
        resolvedAt: time,
        positions: { ...positions, released: position },
        ...(row.payload.reason ? { reason: row.payload.reason } : {}),
      }
    case 'HoldExpired':
      return {
        ...charge,
        status: 'expired',
        resolvedAt: time,
        positions: { ...positions, expired: position },
      }
    case 'ChargeRefunded':
      return {
        ...charge,
        refunded: charge.refunded + row.credits,
        positions: { ...positions, refunded: [...(positions.refunded ?? []), position] },
      }
    default:
      return row.type satisfies never
  }
}

function held(row: Row, position: string, heldAt: string): Charge {
  const { accountId, keyId, mode, endpoint, tariff, quantity, credits } = row
  return {
    requestId: row.requestId,
    status: 'held',
    accountId,
    keyId,
    mode,
    endpoint,
    heldCredits: credits,
    credits: 0,
    refunded: 0,
    quantity,
    tariff,
    heldAt,
    settledAt: null,
    resolvedAt: null,
    positions: { held: position },
  }
}
