/** Keys as management returns them: plain data without secrets. */
import type { Owner } from '../../events/account.ts'
import type { KeyBudget } from '../../events/budget.ts'
import type { Mode } from '../../events/event.ts'
import type { KeyPrivate } from '../../events/key.ts'
import type { Sql } from '../ledger/connect.ts'
import { unseal } from '../ledger/private-fields.ts'
import { type KeyRow, readKey } from '../ledger/read/read-keys.ts'
import type { Sum } from '../lib/sums.ts'
import type { KeyLimits } from './decide-key.ts'
import { isoTime } from './iso-time.ts'

/** Times are ISO 8601 in UTC. */
export interface KeyView extends KeyPrivate, KeyLimits {
  readonly keyId: string
  readonly accountId: string
  readonly owner: Owner
  readonly mode: Mode
  /** Of the key's stream. */
  readonly version: number
  /** Prefix and last characters. */
  readonly display: string
  readonly enabled: boolean
  /** Of its own. */
  readonly budgets: readonly KeyBudget[]
  readonly group: string | null
  readonly revokedAt: string | null
  /** Until when the secret before the last rotation works; null when it does not work any more. */
  readonly previousUntil: string | null
  readonly createdAt: string
  readonly updatedAt: string
  readonly lastUsedAt: string | null
  /** The plan of the key's account, and what the account has, which applies where the key narrows nothing. */
  readonly plan: string
  readonly accountRateLimit: number
  readonly planCredits: number
  readonly planEndpoints: 'all' | readonly string[]
  /** Credits charged to this key in the present UTC month, and when the next month begins. */
  readonly creditsUsed: Sum
  readonly nextMonth: string
  readonly readAt: string
}

/** The document of a key whose account was erased. */
const erased: KeyPrivate = { name: '', description: null, allowedIps: [] }

/** The key's name, description and addresses; empty when its account was erased. */
export function unsealDocument(row: KeyRow): KeyPrivate {
  return unseal<KeyPrivate>(row.accountSecret, row.accountId, row.private) ?? erased
}

export function toKeyView(row: KeyRow): KeyView {
  const { name, description, allowedIps, createdBy } = unsealDocument(row)
  const inGrace = row.previousUntil !== null && row.previousUntil > row.readAt
  return {
    keyId: row.keyId,
    accountId: row.accountId,
    owner: { kind: row.ownerKind, id: row.ownerId },
    mode: row.mode,
    version: row.version,
    display: row.display,
    name,
    description,
    allowedIps,
    ...(createdBy !== undefined && { createdBy }),
    endpoints: row.endpoints,
    rateLimit: row.rateLimit,
    monthlyCap: row.monthlyCap,
    budgets: row.budgets,
    group: row.group,
    enabled: row.enabled,
    revokedAt: isoTime(row.revokedAt),
    expiresAt: isoTime(row.expiresAt),
    previousUntil: inGrace ? isoTime(row.previousUntil) : null,
    createdAt: isoTime(row.createdAt),
    updatedAt: isoTime(row.updatedAt),
    lastUsedAt: isoTime(row.lastUsedAt),
    plan: row.plan,
    accountRateLimit: row.accountRateLimit ?? row.planRateLimit ?? 0,
    planCredits: row.planCredits ?? 0,
    planEndpoints: row.planEndpoints ?? [],
    creditsUsed: row.creditsUsed,
    nextMonth: isoTime(row.nextMonth),
    readAt: isoTime(row.readAt),
  }
}

/** The key as it is after a change. @throws when the ledger does not have it */
export async function readKeyView(sql: Sql, keyId: string): Promise<KeyView> {
  const row = await readKey(sql, keyId)
  if (!row) throw new Error(`the ledger has no ${keyId}, which it just changed`)
  return toKeyView(row)
}
