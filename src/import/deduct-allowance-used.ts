import type { ManagementCommands } from '../ledger/commands/management-commands.ts'
import type { Sql } from '../ledger/connect.ts'
import { readAccount } from '../ledger/read/read-accounts.ts'
import { readExecutedCommands } from '../ledger/read/read-imported.ts'
import type { Actor } from '../management/actor.ts'
import { reasonDocument, sealDocument } from '../management/seal-events.ts'
import { readBalance } from '../reports/account/balance.ts'
import type { AccountPart } from './plan-import.ts'
import type { ReadKey } from './read-old-key.ts'

/**
 * Deducts from this month's allowance what an account's keys used of the month in the replaced service. The
 * allowance belongs to the account here, and its keys share it. No more is deducted than is left: what several keys
 * used beyond one allowance was theirs under the old rules, and becomes no debt. Each key is deducted once, however
 * often it is imported.
 * @returns the credits that were deducted
 */
export async function deductAllowanceUsed(
  { accountId, keys }: AccountPart,
  {
    sql,
    commands,
    actor,
  }: { readonly sql: Sql; readonly commands: ManagementCommands; readonly actor: Actor },
): Promise<number> {
  const using = keys.filter(({ used }) => used > 0)
  if (using.length === 0) return 0
  const externalIdOf = ({ keyId }: ReadKey) => `import:${keyId}`
  const done = await readExecutedCommands(
    sql,
    using.map((key) => `external:${accountId}:${externalIdOf(key)}`),
  )
  let deducted = 0
  for (const key of using) {
    const externalId = externalIdOf(key)
    if (done.has(`external:${accountId}:${externalId}`)) continue
    const account = await readAccount(sql, accountId)
    const { mode } = key
    const credits = Math.min(key.used, await allowanceLeft(sql, accountId, mode))
    if (!account || account.erased || credits === 0) continue
    const result = await commands.adjust(account.shard, {
      ...{ accountId, mode, credits, externalId, actor: actor.id },
      ...sealDocument(account.secret, accountId, reasonDocument(actor)),
    })
    deducted += result.taken ?? 0
  }
  return deducted
}

async function allowanceLeft(sql: Sql, accountId: string, mode: 'live' | 'test'): Promise<number> {
  const balance = await readBalance(sql, accountId, mode)
  if (!balance) return 0
  const { lots, allowance, debt } = balance
  const granted = lots.filter(({ kind }) => kind === 'allowance')
  const free = granted.reduce((sum, { available }) => sum + available, 0)
  return free + Math.max(allowance.due - debt, 0)
}
