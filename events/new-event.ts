/** An event as it is written. The log adds its position, its times and its hash. */
import type { EventType } from './catalogue.ts'
import type { Mode } from './event.ts'

export interface NewEvent {
  readonly type: EventType
  readonly payload: object
  readonly accountId?: string
  readonly keyId?: string
  readonly mode?: Mode
  /** Credits that the event is about, where it is about credits. */
  readonly credits?: number
  /** A document of personal data, already encrypted under the account's secret. */
  readonly private?: Uint8Array
  /** With AccountDescribed only: what the account is found by. It is kept beside the log, until the account is erased. */
  readonly name?: string
}
