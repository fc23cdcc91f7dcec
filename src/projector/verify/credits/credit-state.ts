/** What stands of credits after the events so far: lots, open holds, and what each account has in each mode. */
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
  /** When credits of its lots were last moved by what has to let lapse first. */
  touchedAt: Micros
  /** Nothing of its allowance is due until this time, or another change of terms. */
  allowanceSeen: { readonly change: number; readonly until: Micros }
}

export interface CreditState {
  readonly lots: Map<number, Lot>
  readonly holds: Map<string, OpenHold>
  /** By mode, then by account. */
  readonly purses: Map<string, Map<string, Purse>>
  /** The one that was asked for last: several rules ask for that of the same event. */
  last:
    | { readonly accountId: string | null; readonly mode: string | null; readonly purse: Purse }
    | undefined
}

export function newCreditState(): CreditState {
  return { lots: new Map(), holds: new Map(), purses: new Map(), last: undefined }
}

export function purseOf(state: CreditState, accountId: string | null, mode: string | null): Purse {
  const { last } = state
  if (last?.accountId === accountId && last.mode === mode) return last.purse
  const purse = findPurse(state, accountId, mode)
  state.last = { accountId, mode, purse }
  return purse
}

function findPurse({ purses }: CreditState, accountId: string | null, mode: string | null): Purse {
  let ofMode = purses.get(mode ?? '')
  if (!ofMode) {
    ofMode = new Map()
    purses.set(mode ?? '', ofMode)
  }
  let purse = ofMode.get(accountId ?? '')
  if (!purse) {
    purse = {
      ...{ debt: 0, inFlight: 0, lots: [], rolling: [], touchedAt: 0 },
      allowanceSeen: { change: 0, until: 0 },
    }
    ofMode.set(accountId ?? '', purse)
  }
  return purse
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

/** Allowances first, then what expires first, then the oldest: as live_lots.sql says. */
function isDrawnBefore(a: Lot, b: Lot): boolean {
  if (a.rank !== b.rank) return a.rank < b.rank
  if (a.expiresAt !== b.expiresAt) return a.expiresAt < b.expiresAt
  return a.lot < b.lot
}
