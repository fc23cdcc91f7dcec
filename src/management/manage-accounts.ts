/** Accounts: reading them, changing their plan and limits, describing, freezing and erasing them, and writing notes on them. */

import type { AccountProfile } from '../../events/account.ts'
import type { Budget } from '../../events/budget.ts'
import {
  type AccountRow,
  type Plans,
  readAccount as readAccountRow,
  readPlans,
} from '../ledger/read/read-accounts.ts'
import { readKeysOfAccount } from '../ledger/read/read-keys.ts'
import { type AccountView, toAccountView } from './account-view.ts'
import type { Actor } from './actor.ts'
import type { BudgetChange } from './change-budgets.ts'
import { type AccountCommand, accountDecider, decideAccount } from './decide-account.ts'
import { decideAll, isRefused, type Refused, refused } from './decision.ts'
import { type Change, execute } from './execute.ts'
import { isoTime } from './iso-time.ts'
import type { OwnersDeps } from './management-deps.ts'
import { sealAccountEvents, sealKeyEvents } from './seal-events.ts'

/** What is to change of an account. A field that is absent stays as it is. */
export interface AccountChange {
  /** The version that the account must still have; absent: any. */
  readonly version?: number
  readonly plan?: string
  /** The account's own limits in place of its plan's; null returns to the plan's. */
  readonly rateLimit?: number | null
  readonly maxInFlight?: number | null
  readonly frozen?: boolean
  /** All budgets, in place of those before. */
  readonly budgets?: readonly Budget[]
  /** One budget, beside the others. */
  readonly budget?: BudgetChange
  /** Who the owner is, as far as it is to change. */
  readonly profile?: Partial<AccountProfile>
  /** A text to be kept with the account, for operators. */
  readonly note?: string
}

export interface Accounts {
  readAccount(accountId: string): Promise<AccountView | undefined>
  /** All fields of the change are recorded together or not at all. */
  changeAccount(
    accountId: string,
    change: AccountChange,
    actor: Actor,
  ): Promise<AccountView | Refused>
  /**
   * Destroys the secret under which the account's personal data is encrypted, for good, and revokes its API
   * keys: nobody can read names, addresses, reasons and notes any more. Amounts, hashes and ids stay.
   */
  eraseAccount(accountId: string, actor: Actor): Promise<AccountView | Refused>
}

export function manageAccounts({ sql, commands }: OwnersDeps): Accounts {
  async function readAccount(accountId: string): Promise<AccountView | undefined> {
    const row = await readAccountRow(sql, accountId)
    return row && toAccountView(row, (await readPlans(sql, row.shard))?.plans ?? {})
  }

  async function changeWith(
    accountId: string,
    actor: Actor,
    prepare: (row: AccountRow) => Promise<Change<object> | Refused>,
  ): Promise<AccountView | Refused> {
    const changed = await execute(
      commands,
      actor,
      async () => {
        const row = await readAccountRow(sql, accountId)
        return row ? prepare(row) : refused('account_unknown')
      },
      {},
    )
    if (isRefused(changed)) return changed
    return (await readAccount(accountId)) ?? refused('account_unknown')
  }

  return {
    readAccount,
    changeAccount: (accountId, change, actor) =>
      changeWith(accountId, actor, async (row) => {
        if (change.version !== undefined && change.version !== row.version) {
          return refused('version_moved')
        }
        const plans = (await readPlans(sql, row.shard))?.plans ?? {}
        return accountChange(row, commandsFor(change, plans, isoTime(row.readAt)), actor)
      }),
    eraseAccount: (accountId, actor) =>
      changeWith(accountId, actor, async (row) => {
        const keys = await readKeysOfAccount(sql, accountId)
        return erasure(
          row,
          keys.filter((key) => !key.revokedAt),
          actor,
        )
      }),
  }
}

/** The change that some commands make to an account that is there. */
export function accountChange(
  row: AccountRow,
  commands: readonly AccountCommand[],
  actor: Actor,
): Change<object> | Refused {
  const decision = decideAll(accountDecider, row, commands)
  if (isRefused(decision)) return decision
  return {
    shard: row.shard,
    expected: [
      {
        ...{ stream: 'account', id: row.accountId, version: row.version },
        readAt: isoTime(row.readAt),
      },
    ],
    events: sealAccountEvents(decision.events, row, actor),
    result: {},
  }
}

const revoked = [{ type: 'KeyRevoked', payload: {} }] as const

function erasure(
  row: AccountRow,
  keys: Awaited<ReturnType<typeof readKeysOfAccount>>,
  { id }: Actor,
): Change<object> | Refused {
  const { accountId } = row
  const decision = decideAccount(row, { type: 'erase' })
  if (isRefused(decision)) return decision
  return {
    shard: row.shard,
    expected: [
      { stream: 'account', id: accountId, version: row.version },
      ...keys.map(({ keyId, version }) => ({ stream: 'key', id: keyId, version }) as const),
    ],
    // Without a reason: it would be encrypted under the secret that this destroys.
    events: [
      ...keys.flatMap(({ keyId, mode, accountSecret }) =>
        sealKeyEvents(revoked, { accountId, keyId, mode, accountSecret }, { id }),
      ),
      ...sealAccountEvents(decision.events, row, { id }),
    ],
    result: {},
  }
}

/** @param at the ledger's time, ISO 8601 */
function commandsFor(
  { plan, rateLimit, maxInFlight, frozen, budgets, budget, profile, note }: AccountChange,
  plans: Plans,
  at: string,
): AccountCommand[] {
  const commands: AccountCommand[] = []
  if (plan !== undefined) commands.push({ type: 'change-plan', at, plan, plans })
  if (rateLimit !== undefined || maxInFlight !== undefined) {
    commands.push({
      type: 'change-limits',
      ...(rateLimit !== undefined && { rateLimit }),
      ...(maxInFlight !== undefined && { maxInFlight }),
    })
  }
  if (budgets !== undefined) commands.push({ type: 'change-budgets', budgets })
  if (budget !== undefined) commands.push({ type: 'set-budget', budget })
  if (profile !== undefined) commands.push({ type: 'describe', profile })
  if (note !== undefined) commands.push({ type: 'note', text: note })
  if (frozen !== undefined) commands.push({ type: frozen ? 'freeze' : 'unfreeze' })
  return commands
}
