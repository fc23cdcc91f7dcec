/** What issuing keys and changing them share. */
import type { Mode, NewEvent } from '../../events/event.ts'
import type { Config } from '../config/config.ts'
import type { Sql } from '../ledger/connect.ts'
import { readKey } from '../ledger/read/read-keys.ts'
import type { KeyEvent } from './decide-key.ts'
import { type Refused, refused } from './decision.ts'
import { type Actor, reasonDocument, sealDocument } from './execute.ts'
import { type KeyView, keyView } from './views.ts'

export interface ShownKey {
  /** The whole key. Shown this once, kept nowhere. */
  readonly key: string
  readonly view: KeyView
}

/** Facts as events of their key. A document is the key's own; any other event may carry the reason. */
export function sealKeyEvents(
  facts: readonly KeyEvent[],
  key: {
    readonly accountId: string
    readonly keyId: string
    readonly mode: Mode
    readonly secret: Uint8Array | null
  },
  actor: Actor,
): NewEvent[] {
  const { accountId, keyId, mode, secret } = key
  return facts.map((fact) => ({
    type: fact.type,
    payload: fact.payload,
    accountId,
    keyId,
    mode,
    ...sealDocument(
      secret,
      accountId,
      'document' in fact ? { ...fact.document, ...reasonDocument(actor) } : reasonDocument(actor),
    ),
  }))
}

/** A key can only narrow the rate that its account has. */
export function exceedsAccount(
  rateLimit: number | null | undefined,
  most: number | null | undefined,
): Refused | undefined {
  if (rateLimit == null || most == null || rateLimit <= most) return undefined
  return refused('exceeds_account', { field: 'rateLimit', expected: `at most ${most}` })
}

/** A permission that no route has would be a typo. */
export function unknownPermission(
  { routes }: Pick<Config, 'routes'>,
  endpoints: readonly string[] | null | undefined,
): Refused | undefined {
  const permissions = [...new Set(Object.values(routes).map((route) => route.permission))]
  if (endpoints?.every((name) => permissions.includes(name)) !== false) return undefined
  return refused('permission_unknown', { field: 'endpoints', expected: permissions.join(', ') })
}

/** The key as it is after a change. */
export async function readKeyView(sql: Sql, keyId: string): Promise<KeyView> {
  const row = await readKey(sql, keyId)
  if (!row) throw new Error(`the ledger has no ${keyId}, which it just changed`)
  return keyView(row)
}
