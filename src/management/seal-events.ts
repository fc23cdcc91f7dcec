/**
 * Decided events as the ledger takes them. What is personal in them (names, addresses, reasons) is sealed under
 * the account's own secret, so that erasing the account makes it unreadable.
 */
import type { Mode } from '../../events/event.ts'
import type { NewEvent } from '../../events/new-event.ts'
import { nameToFind } from '../ledger/account-profile.ts'
import { seal } from '../ledger/private-fields.ts'
import type { Actor } from './actor.ts'
import type { AccountEvent } from './decide-account.ts'
import type { KeyEvent } from './decide-key.ts'

/** Events of an account; each carries its document, where it has one, and the actor's reason. */
export function sealAccountEvents(
  events: readonly AccountEvent[],
  { accountId, secret }: { readonly accountId: string; readonly secret: Uint8Array | null },
  actor: Actor,
): NewEvent[] {
  return events.map((event) => {
    const reason = reasonDocument(actor)
    const { type, payload } = event
    const document = 'document' in event ? { ...event.document, ...reason } : reason
    const found = event.type === 'AccountDescribed' ? { name: nameToFind(event.document) } : {}
    return { type, payload, accountId, ...sealDocument(secret, accountId, document), ...found }
  })
}

/** Events of a key; each carries the key's document, where it has one, and the actor's reason. */
export function sealKeyEvents(
  events: readonly KeyEvent[],
  key: {
    readonly accountId: string
    readonly keyId: string
    readonly mode: Mode
    readonly accountSecret: Uint8Array | null
  },
  actor: Actor,
): NewEvent[] {
  const { accountId, keyId, mode, accountSecret } = key
  return events.map((event) => {
    const reason = reasonDocument(actor)
    const document = 'document' in event ? { ...event.document, ...reason } : reason
    const { type, payload } = event
    return {
      type,
      payload,
      accountId,
      keyId,
      mode,
      ...sealDocument(accountSecret, accountId, document),
    }
  })
}

/** An event's `private` field. It has none without a document, and none when the account was erased (no secret). */
export function sealDocument(
  secret: Uint8Array | null | undefined,
  accountId: string,
  document: object | undefined,
): { private?: Uint8Array } {
  return secret && document ? { private: seal(secret, accountId, document) } : {}
}

/** The document that carries a reason; undefined where none was given. */
export function reasonDocument({ reason }: Actor): { reason: string } | undefined {
  return reason === undefined ? undefined : { reason }
}
