/**
 * The catalogue of events: one entry for each type, in the file of its stream, which says all that the program has to
 * know of the type. Lists of types, index predicates, the verifier's rules, the projections' filters and the types'
 * words for people are derived from it (event-types.ts).
 *
 * Events are for ever. The log is never rewritten, and every later program reads it. Therefore the payload of a type
 * only ever gains optional fields; for anything else there is a new type.
 */
import { accountEvents } from './account.ts'
import type { CatalogueEntry, StreamEvents } from './catalogue-entry.ts'
import { creditEvents } from './credits.ts'
import { keyEvents } from './key.ts'
import { ledgerEvents } from './ledger.ts'
import { operatorKeyEvents } from './operator-keys.ts'
import { tariffEvents } from './tariffs.ts'

export const catalogue = {
  ...accountEvents,
  ...keyEvents,
  ...creditEvents,
  ...tariffEvents,
  ...operatorKeyEvents,
  ...ledgerEvents,
} satisfies StreamEvents

export type EventType = keyof typeof catalogue

/** The types whose entry matches: `TypeWith<{ stream: 'key' }>`, `TypeWith<{ hold: 'resolves' }>`. */
export type TypeWith<Entry extends { readonly [Field in keyof CatalogueEntry]?: unknown }> = {
  [Type in EventType]: (typeof catalogue)[Type] extends Entry ? Type : never
}[EventType]
