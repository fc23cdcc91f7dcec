/** What the console reads of responses of the API, beyond what the portal does. */
import type { Receipt } from '../shared/types.ts'

export interface AuditedEvent {
  readonly position: string
  readonly type: string
  readonly summary: string
  readonly recordedAt: string
  readonly accountId: string | null
  readonly keyId: string | null
  readonly requestId: string | null
  readonly credits: number | null
  readonly lots: readonly string[] | null
  readonly held: readonly number[] | null
  readonly moved: readonly number[] | null
  readonly actor: string
  readonly instance?: string
  readonly reason?: string
}

export interface AuditedCall {
  readonly call: Receipt & { readonly accountId: string; readonly mode?: string }
  readonly price: { readonly words: string; readonly plan: string | null } | null
  readonly events: readonly AuditedEvent[]
}
