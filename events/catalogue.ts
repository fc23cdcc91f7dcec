/** Every type of event: its stream, its version today and the schema of its payload. */
import type { TSchema } from '@sinclair/typebox'
import { accountEvents } from './account.ts'
import { creditEvents } from './credits.ts'
import { keyEvents } from './key.ts'
import { tariffEvents } from './tariffs.ts'

export type StreamKind = 'account' | 'key' | 'credits' | 'tariffs'
export type EventType =
  | keyof typeof accountEvents
  | keyof typeof keyEvents
  | keyof typeof creditEvents
  | keyof typeof tariffEvents

export interface CatalogueEntry {
  readonly stream: StreamKind
  readonly version: number
  readonly payload: TSchema
}

export const catalogue: Readonly<Record<EventType, CatalogueEntry>> = {
  ...entries('account', accountEvents),
  ...entries('key', keyEvents),
  ...entries('credits', creditEvents),
  ...entries('tariffs', tariffEvents),
}

/** The stream an event belongs to: `account-<id>`, `key-<id>`, `credits-<accountId>` or `tariffs`. */
export function streamOf(event: {
  type: string
  accountId: string | null
  keyId: string | null
}): string {
  const kind = catalogue[event.type as EventType]?.stream
  switch (kind) {
    case 'account':
      return `account-${event.accountId}`
    case 'key':
      return `key-${event.keyId}`
    case 'credits':
      return `credits-${event.accountId}`
    case 'tariffs':
      return 'tariffs'
    default:
      throw new Error(`unknown type of event: ${event.type}`)
  }
}

function entries<T extends Record<string, TSchema>>(stream: StreamKind, schemas: T) {
  return Object.fromEntries(
    Object.entries(schemas).map(([type, payload]) => [type, { stream, version: 1, payload }]),
  ) as unknown as Record<keyof T, CatalogueEntry>
}
