/** What an account has of credits in one mode: its lots, its open holds, and what it owes. */
import type { Micros } from '../meaning/rare-events.ts'

/** Credits of one grant. */
export interface Lot {
  /** The position of its CreditsGranted. */
  readonly lot: number
  /** Whose it is; undefined: it was not granted. */
  purse: Purse | undefined
  free: number
  held: number
  /** What is drawn first has the lowest. */
  rank: number
  startsAt: Micros
  expiresAt: Micros
  /** Of an allowance that is good after its month: that month's end, and how much of such lots is kept then. */
  rollsAt: Micros
  max: number
  /** Whether it is among the lots of its purse that have something free. */
  listed: boolean
}

export interface OpenHold {
  held: number
  readonly accountId: string | null
  readonly keyId: string | null
  readonly mode: string | null
  readonly tariff: string | null
  readonly endpoint: string | null
  readonly slots: number | null
  readonly occurredAt: Micros
  readonly position: number
}

/** An account's credits in one mode. */
export interface Purse {
  debt: number
  /** Calls in flight: a lease counts as so many as it has slots. */
  inFlight: number
  /** Lots that have something free, in draw order; some of them may be over. */
  readonly lots: Lot[]
  /** Allowances that are good after their months; some of them may be over. */
  readonly rolling: Lot[]
  /** The month of its last overage. */
  overageMonth: Micros
  /** When credits of its lots were last moved by what has to let lapse first. */
  touchedAt: Micros
  /** The month of its last allowance, and what was granted of that. */
  allowanceMonth: Micros
  allowanceGranted: number
  /** Nothing of its allowance is due until this time, unless a plan is taken or a tariff published. */
  allowanceSeen:
    | { readonly tariffs: number; readonly plans: number; readonly until: Micros }
    | undefined
  /** A lot was granted while credits were owed, at that position: so many of it repay them next. */
  repayment: { readonly position: number; readonly credits: number } | undefined
}

/** What is drawn first has the lowest rank. */
export function rankOf(kind: unknown): number {
  return kind === 'allowance' ? 0 : kind === 'overage' ? overageRank : 1
}

export const overageRank = 2

export function newPurse(): Purse {
  return {
    ...{ debt: 0, inFlight: 0, lots: [], allowanceMonth: 0, allowanceGranted: 0 },
    ...{
      rolling: [],
      overageMonth: 0,
      touchedAt: 0,
      allowanceSeen: undefined,
      repayment: undefined,
    },
  }
}

/** Keeps a purse's list of lots with something free right, after what is free of one of them has changed. */
export function listLot({ lots }: Purse, lot: Lot): void {
  if (lot.free > 0 === lot.listed) return
  lot.listed = !lot.listed
  if (!lot.listed) {
    const index = lots.indexOf(lot)
    if (index >= 0) lots.splice(index, 1)
    return
  }
  let index = lots.length
  while (index > 0 && isDrawnBefore(lot, lots[index - 1] as Lot)) index--
  lots.splice(index, 0, lot)
}

/** Allowances first, overage last, of the others what expires first, then the oldest: as live_lots.sql says. */
function isDrawnBefore(a: Lot, b: Lot): boolean {
  if (a.rank !== b.rank) return a.rank < b.rank
  if (a.expiresAt !== b.expiresAt) return a.expiresAt < b.expiresAt
  return a.lot < b.lot
}
