/**
 * What an event is, on its way in and on its way back.
 *
 * A fact stands once: what projections and statements count with has a typed column of its own, and
 * the payload carries the rest. The event hash covers both.
 */

import type { EventType } from './catalogue.ts'

export type Mode = 'live' | 'test'

/** Where an event stands: positions of a shard are consecutive, in commit order. Printed `shard-position`. */
export interface LogPosition {
  readonly shard: number
  readonly position: number
}

/** What a writer says. The log adds the position, the times and the event hash. */
export interface NewEvent {
  readonly type: EventType
  readonly payload: object
  readonly accountId?: string
  readonly keyId?: string
  readonly mode?: Mode
  /** Credits that the event is about, where it is about credits. */
  readonly credits?: number
  /** A document of personal data, already encrypted under the account's own key. */
  readonly private?: Uint8Array
}

/** What is read back. */
export interface RecordedEvent extends LogPosition {
  /** When it was appended; never runs backwards along position. */
  readonly recordedAt: Date
  /** The time that counts for days and months: for what resolves a hold, the hold's. */
  readonly occurredAt: Date
  readonly type: string
  readonly typeVersion: number
  readonly stream: string
  /** The stream's own count; account and key streams only. */
  readonly streamVersion: number | null
  readonly accountId: string | null
  readonly keyId: string | null
  readonly mode: Mode | null
  readonly requestId: string | null
  readonly endpoint: string | null
  /** Hash of the tariff that priced the call. */
  readonly tariff: string | null
  readonly credits: number | null
  /** Raw quantity: characters, seconds, items, requests; for CallsCounted and UsageImported the number of calls. */
  readonly quantity: number | null
  /** Of a lease and its end: for how many calls at once it is. null: no lease. */
  readonly slots: number | null
  readonly status: number | null
  readonly latencyMs: number | null
  /** The lots touched, and by how much each one's held and counted credits move. */
  readonly lots: readonly number[] | null
  readonly held: readonly number[] | null
  readonly moved: readonly number[] | null
  readonly actor: string
  readonly instance: string
  readonly payload: Record<string, unknown>
  readonly private: Uint8Array | null
}

/** `shard-position`, as answers and headers print it. */
export function printPosition({ shard, position }: LogPosition): string {
  return `${shard}-${position}`
}

/** Reads `shard-position`; undefined for anything else. */
export function parsePosition(text: string): LogPosition | undefined {
  const match = /^(\d{1,5})-(\d{1,15})$/.exec(text)
  return match ? { shard: Number(match[1]), position: Number(match[2]) } : undefined
}
