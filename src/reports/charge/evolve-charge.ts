/** A charge, folded from the events of its call. */
import type { TypeWith } from '../../../events/catalogue.ts'
import { countedOf, type Parts } from '../../../events/counted.ts'
import { type Mode, printPosition } from '../../../events/event.ts'
import type { TerminatedBy } from '../../ledger/append/call-commands.ts'
import type { Charge } from './charge-shape.ts'

/** The types of events that say what happened to a hold, and what was refunded. */
type ChargeEventType = TypeWith<{ hold: string }> | TypeWith<{ moves: 'refunded' }>

/** An event of a call. */
export interface ChargeEventRow {
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
  payload: {
    parts?: Parts
    by?: string
    volume?: number
    reason?: string
    shortfall?: number
    terminatedBy?: TerminatedBy
  }
  /** What is known of the response of a charge (delivery_of.sql); null of another event. */
  delivery: 'sent' | 'pending' | 'unknown' | null
  /** Whether the stored response was replayed; only a hold says so. */
  replayed: boolean
  /** Of a call on a lease, the position of the lease. */
  leasePosition: number | null
}

/** What became of the response of a settled call; undefined for another call, and where it is not known yet. */
export function deliveryOf(rows: readonly ChargeEventRow[]): Charge['delivery'] {
  const settled = rows.find(({ type }) => type === 'HoldSettled')
  if (!settled) return undefined
  if (settled.payload.terminatedBy) return 'cut'
  if (settled.delivery !== 'sent' && rows.some(({ replayed }) => replayed)) return 'replayed'
  return settled.delivery ?? undefined
}

/** The charge after one more event of its call. */
export function evolveCharge(charge: Charge | undefined, row: ChargeEventRow): Charge | undefined {
  const position = printPosition(row)
  const time = row.recordedAt.toISOString()
  if (row.type === 'CreditsHeld') return heldCharge(row, position, time)
  if (row.leasePosition !== null) {
    const lease = printPosition({ ...row, position: row.leasePosition })
    const onLease = { ...heldCharge(row, lease, time), onLease: true as const }
    return evolveCharge(onLease, { ...row, leasePosition: null })
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
        ...withoutParts(charge),
        status: 'settled',
        credits: row.credits,
        ...countedOf({ ...row.payload, quantity: row.quantity }),
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

/** What was held at most, of each component, is not what was used. */
function withoutParts({ parts: _, ...charge }: Charge): Charge {
  return charge
}

function heldCharge(row: ChargeEventRow, position: string, heldAt: string): Charge {
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
    ...countedOf({ ...row.payload, quantity }),
    tariff,
    heldAt,
    settledAt: null,
    resolvedAt: null,
    positions: { held: position },
  }
}
