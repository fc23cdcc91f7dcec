/** Accounts: looking at them, changing their plan and limits, freezing them. */
import type { NewEvent } from '../../events/event.ts'
import { readAccount as readAccountRow, readPlans } from '../ledger/read/read-accounts.ts'
import { readKeysOfAccount } from '../ledger/read/read-keys.ts'
import {
  type AccountCommand,
  type AccountEvent,
  accountDecider,
  decideAccount,
} from './decide-account.ts'
import { decideAll, isRefused, type Refused, refused } from './decision.ts'
import { type Actor, execute, reasonDocument, sealDocument } from './execute.ts'
import type { ManagementDeps } from './management-deps.ts'
import { type AccountView, accountView, iso } from './views.ts'

/** Absent: stays. */
export interface AccountChange {
  readonly plan?: string
  /** The account's own limits in place of its plan's; null gives the plan's back. */
  readonly rateLimit?: number | null
  readonly maxInFlight?: number | null
  readonly frozen?: boolean
}

export interface Accounts {
  readAccount(accountId: string): Promise<AccountView | undefined>
  /** Everything in the change is recorded together or not at all. */
  changeAccount(
    accountId: string,
    change: AccountChange,
    actor: Actor,
  ): Promise<AccountView | Refused>
  /**
   * Destroys the key under which the account's personal data is encrypted, for good, and revokes its API
   * keys: names, addresses and reasons can be read by nobody. Amounts, hashes and ids stay.
   */
  eraseAccount(accountId: string, actor: Actor): Promise<AccountView | Refused>
}

export function manageAccounts({ sql, commands }: ManagementDeps): Accounts {
  async function readAccount(accountId: string): Promise<AccountView | undefined> {
    const row = await readAccountRow(sql, accountId)
    return row && accountView(row, (await readPlans(sql, row.shard))?.plans ?? {})
  }

  async function eraseAccount(accountId: string, { id }: Actor): Promise<AccountView | Refused> {
    const erased = await execute(commands, id, async () => {
      const row = await readAccountRow(sql, accountId)
      const decision = decideAccount(row, { type: 'erase' })
      if (!row || isRefused(decision)) return refused('account_unknown')
      const keys = (await readKeysOfAccount(sql, accountId)).filter((key) => !key.revokedAt)
      return {
        shard: row.shard,
        expected: [
          { stream: 'account', id: accountId, version: row.version } as const,
          ...keys.map(({ keyId, version }) => ({ stream: 'key', id: keyId, version }) as const),
        ],
        // Without a reason: it would be encrypted under the key that is destroyed here.
        events: [
          ...keys.map(({ keyId, mode }) => ({
            ...({ type: 'KeyRevoked', payload: {}, accountId, keyId, mode } as const),
          })),
          ...sealAccountEvents(decision.facts, row, { id }),
        ],
        result: {},
      }
    })
    if (isRefused(erased)) return erased
    return (await readAccount(accountId)) ?? refused('account_unknown')
  }

  async function changeAccount(accountId: string, change: AccountChange, actor: Actor) {
    const changed = await execute(commands, actor.id, async () => {
      const row = await readAccountRow(sql, accountId)
      if (!row) return refused('account_unknown')
      const tariff = await readPlans(sql, row.shard)
      const orders = commandsOf(change, tariff?.plans ?? {}, iso(row.readAt))
      const decision = decideAll(accountDecider, row, orders)
      if (isRefused(decision)) return decision
      return {
        shard: row.shard,
        expected: [{ stream: 'account', id: accountId, version: row.version } as const],
        events: sealAccountEvents(decision.facts, row, actor),
        result: {},
      }
    })
    if (isRefused(changed)) return changed
    return (await readAccount(accountId)) ?? refused('account_unknown')
  }

  return { readAccount, changeAccount, eraseAccount }
}

/** Facts as events of their account; each may carry the reason. */
export function sealAccountEvents(
  facts: readonly AccountEvent[],
  { accountId, secret }: { readonly accountId: string; readonly secret: Uint8Array | null },
  actor: Actor,
): NewEvent[] {
  return facts.map(({ type, payload }) => ({
    type,
    payload,
    accountId,
    ...sealDocument(secret, accountId, reasonDocument(actor)),
  }))
}

function commandsOf(
  { plan, rateLimit, maxInFlight, frozen }: AccountChange,
  plans: (AccountCommand & { readonly type: 'change-plan' })['plans'],
  at: string,
): AccountCommand[] {
  const orders: AccountCommand[] = []
  if (plan !== undefined) orders.push({ type: 'change-plan', at, plan, plans })
  if (rateLimit !== undefined || maxInFlight !== undefined) {
    orders.push({
      type: 'change-limits',
      ...(rateLimit !== undefined && { rateLimit }),
      ...(maxInFlight !== undefined && { maxInFlight }),
    })
  }
  if (frozen !== undefined) orders.push({ type: frozen ? 'freeze' : 'unfreeze' })
  return orders
}
