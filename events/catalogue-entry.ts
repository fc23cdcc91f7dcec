/** What the program has to know of a type of event. */

import type { TSchema } from '@sinclair/typebox'
import type { CreditScale } from '../src/lib/credit-scale.ts'
import type { RecordedEvent } from './event.ts'

type StreamKind = 'account' | 'key' | 'credits' | 'tariffs' | 'operators' | 'ledger'

/** What a description can name. Personal data, which is encrypted, is not in it. */
export type DescribedEvent = Pick<
  RecordedEvent,
  'type' | 'payload' | 'credits' | 'quantity' | 'slots' | 'endpoint'
>

export interface CatalogueEntry {
  readonly stream: StreamKind
  readonly payload: TSchema
  /** The event in plain words, for people who read a history: one sentence without a full stop. @param scale how credits are shown */
  describe(event: DescribedEvent, scale?: CreditScale): string
  /** Calls append it, so nearly all of a long log is of such types. All others are rare. */
  readonly isFrequent?: true
  /** It opens the stream of its account, key or operator key: the first event is of such a type, and no later one. */
  readonly opensStream?: true
  /** Owners cause it, too: the role of their routes records it. */
  readonly byOwner?: true
  /** Its payload has the hash of a key's new secret. */
  readonly setsSecret?: true
  /** What it does to the hold that its request id names. */
  readonly hold?: 'opens' | 'extends' | 'resolves'
  /**
   * How it ends a call that ran on a lease. Its payload then names the lease, which stays as it is, and its `held` is
   * null. So whoever counts open holds counts only events whose `held` is not null.
   */
  readonly onLease?: 'charges' | 'voids'
  /** It makes a lot of its `credits`, named by its position. */
  readonly lot?: 'grants'
  /** What its `moved` is added to, lot by lot. */
  readonly moves?: 'settled' | 'refunded' | 'adjusted' | 'lapsed'
  /** What it does to the credits that an account owes. An adjustment repays where its payload says so. */
  readonly debt?: 'adds' | 'repays'
  /**
   * Its `quantity` is a number of calls without holds: free ones, those that were refused, or those that another service had
   * before this ledger.
   */
  readonly counts?: 'free' | 'refused' | 'imported'
}

export type StreamEvents = Readonly<Record<string, CatalogueEntry>>
