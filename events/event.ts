/**
 * An event as it is read back, and its position.
 *
 * Nothing stands in an event twice: what projections and statements count with has a typed column of its own, and the
 * payload has the rest. The event hash covers both.
 */

export type Mode = 'live' | 'test'

/** A position of a shard's log. The positions of a shard are consecutive, in commit order. Printed `shard-position`. */
export interface LogPosition {
  readonly shard: number
  readonly position: number
}

/** What is read back. */
export interface RecordedEvent extends LogPosition {
  /** When it was appended; never runs backwards along position. */
  readonly recordedAt: Date
  /**
   * The time that counts for days and months. It is the hold's time for what extends or ends a hold. A call on a lease
   * has no hold of its own: its event has the time at which it was written.
   */
  readonly occurredAt: Date
  readonly type: string
  readonly stream: string
  /** The stream's own count of its events; account and key streams only. */
  readonly streamVersion: number | null
  readonly accountId: string | null
  readonly keyId: string | null
  readonly mode: Mode | null
  readonly requestId: string | null
  readonly endpoint: string | null
  /** Hash of the tariff that priced the call. */
  readonly tariff: string | null
  readonly credits: number | null
  /**
   * The quantity that was priced: characters, seconds, requests. For CallsCounted, CallsRefused and UsageImported, the number of
   * calls.
   */
  readonly quantity: number | null
  /** Of a lease and its end: for how many calls at once it is. null: no lease. */
  readonly slots: number | null
  readonly status: number | null
  readonly latencyMs: number | null
  /** The lots that it moves, and by how much the held credits of each change, and those that its type moves. */
  readonly lots: readonly number[] | null
  readonly held: readonly number[] | null
  readonly moved: readonly number[] | null
  readonly actor: string
  readonly instance: string
  /** Who was logged in when it was written. null: it is from before this was noted. */
  readonly login: string | null
  readonly payload: Record<string, unknown>
  readonly private: Uint8Array | null
}

/** `shard-position`, as responses and headers print it. */
export function printPosition({ shard, position }: LogPosition): string {
  return `${shard}-${position}`
}

/** Reads `shard-position`; undefined for anything else. */
export function parsePosition(text: string): LogPosition | undefined {
  const match = /^(\d{1,5})-(\d{1,15})$/.exec(text)
  return match ? { shard: Number(match[1]), position: Number(match[2]) } : undefined
}
