/**
 * The catalogue of events: what the program has to know of each type, in one entry. Lists of types, index predicates,
 * the verifier's rules and the projections' filters are derived from it (event-types.ts), so a new type is entered here once.
 *
 * Events are for ever. The log is never rewritten, and every later program reads it. Therefore the payload of a type only
 * ever gains optional fields; for anything else there is a new type.
 */
import type { TSchema } from '@sinclair/typebox'
import * as account from './account.ts'
import * as credits from './credits.ts'
import * as key from './key.ts'
import * as tariffs from './tariffs.ts'

type StreamKind = 'account' | 'key' | 'credits' | 'tariffs'

export interface CatalogueEntry {
  readonly stream: StreamKind
  readonly payload: TSchema
  /** Calls append it, so nearly all of a long log is of such types. All others are rare. */
  readonly isFrequent?: true
  /** Its payload has the hash of a key's new secret. */
  readonly setsSecret?: true
  /** What it does to the hold that its request id names. */
  readonly hold?: 'opens' | 'extends' | 'resolves'
  /** How it ends a call that ran on a lease. Its payload then names the lease, which stays as it is. */
  readonly onLease?: 'charges' | 'voids'
  /** It makes a lot of its `credits`, named by its position. */
  readonly lot?: 'grants'
  /** What its `moved` is added to, lot by lot. */
  readonly moves?: 'settled' | 'refunded' | 'adjusted'
  /** What it does to the credits that an account owes. An adjustment repays where its payload says so. */
  readonly debt?: 'adds' | 'repays'
  /** Its `quantity` is a number of calls without holds: free ones, or those that another service had before this ledger. */
  readonly counts?: 'free' | 'imported'
}

const byCalls = { stream: 'credits', isFrequent: true } as const

export const catalogue = {
  AccountOpened: { stream: 'account', payload: account.AccountOpened },
  PlanStarted: { stream: 'account', payload: account.PlanStarted },
  PlanEnded: { stream: 'account', payload: account.PlanEnded },
  AccountLimitsChanged: { stream: 'account', payload: account.AccountLimitsChanged },
  AccountFrozen: { stream: 'account', payload: account.AccountFrozen },
  AccountUnfrozen: { stream: 'account', payload: account.AccountUnfrozen },
  AccountErased: { stream: 'account', payload: account.AccountErased },

  KeyIssued: { stream: 'key', payload: key.KeyIssued, setsSecret: true },
  KeyImported: { stream: 'key', payload: key.KeyImported, setsSecret: true },
  KeyUpdated: { stream: 'key', payload: key.KeyUpdated },
  KeyLimitsChanged: { stream: 'key', payload: key.KeyLimitsChanged },
  KeyEnabled: { stream: 'key', payload: key.KeyEnabled },
  KeyDisabled: { stream: 'key', payload: key.KeyDisabled },
  KeyRotated: { stream: 'key', payload: key.KeyRotated, setsSecret: true },
  KeyRevoked: { stream: 'key', payload: key.KeyRevoked },

  CreditsGranted: { stream: 'credits', payload: credits.CreditsGranted, lot: 'grants' },
  CreditsAdjusted: {
    stream: 'credits',
    payload: credits.CreditsAdjusted,
    moves: 'adjusted',
    debt: 'repays',
  },
  DebtRecorded: { stream: 'credits', payload: credits.DebtRecorded, debt: 'adds' },
  CreditsHeld: { ...byCalls, payload: credits.CreditsHeld, hold: 'opens' },
  HoldExtended: { ...byCalls, payload: credits.HoldExtended, hold: 'extends' },
  HoldSettled: {
    ...byCalls,
    payload: credits.HoldSettled,
    hold: 'resolves',
    onLease: 'charges',
    moves: 'settled',
  },
  HoldReleased: { ...byCalls, payload: credits.HoldReleased, hold: 'resolves', onLease: 'voids' },
  HoldExpired: { ...byCalls, payload: credits.HoldExpired, hold: 'resolves' },
  ChargeRefunded: { stream: 'credits', payload: credits.ChargeRefunded, moves: 'refunded' },
  CallsCounted: { ...byCalls, payload: credits.CallsCounted, counts: 'free' },
  UsageImported: { ...byCalls, payload: credits.UsageImported, counts: 'imported' },

  TariffPublished: { stream: 'tariffs', payload: tariffs.TariffPublished },
  LogRestored: { stream: 'tariffs', payload: tariffs.LogRestored },
} as const satisfies Readonly<Record<string, CatalogueEntry>>

export type EventType = keyof typeof catalogue

/** The types whose entry matches: `TypeWith<{ stream: 'key' }>`, `TypeWith<{ hold: 'resolves' }>`. */
export type TypeWith<Entry extends { readonly [Field in keyof CatalogueEntry]?: unknown }> = {
  [Type in EventType]: (typeof catalogue)[Type] extends Entry ? Type : never
}[EventType]
