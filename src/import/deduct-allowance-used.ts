/**
 * Takes from this month's allowance what keys used of it before they moved in. It is the account's
 * allowance, which the account's keys share from now on, so it is taken from the account; and never more than
 * is left of it: what keys used beyond one allowance was theirs under the old rules, and is no debt.
 */
import type { Commands } from '../ledger/commands/management-commands.ts'
import type { Sql } from '../ledger/connect.ts'
import { readAccount } from '../ledger/read/read-accounts.ts'
import { readDoneCommands } from '../ledger/read/read-imported.ts'
import { type Actor, reasonDocument, sealDocument } from '../management/execute.ts'
import { readBalance } from '../reports/account/balance.ts'
import type { AccountPart } from './plan-import.ts'
import type { ReadKey } from './read-old-key.ts'

/** Of all keys of an account, each key once, in whatever import. Answers the credits that were taken. */
export async function deductAllowanceUsed(
  { accountId, keys }: AccountPart,
  {
    sql,
    commands,
    actor,
  }: { readonly sql: Sql; readonly commands: Commands; readonly actor: Actor },
): Promise<number> {
  const using = keys.filter(({ used }) => used > 0)
  if (using.length === 0) return 0
  const idOf = ({ keyId }: ReadKey) => `import:${keyId}`
  const done = await readDoneCommands(
    sql,
    using.map((key) => `external:${accountId}:${idOf(key)}`),
  )
  let taken = 0
  for (const key of using) {
    const externalId = idOf(key)
    if (done.has(`external:${accountId}:${externalId}`)) continue
    const account = await readAccount(sql, accountId)
    const left = await allowanceLeft(sql, accountId, key.mode)
    const credits = Math.min(key.used, left)
    if (!account || account.erased || credits === 0) continue
    const { mode } = key
    const answer = await commands.adjust(account.shard, {
      ...{ accountId, mode, credits, externalId, actor: actor.id },
      ...sealDocument(account.secret, accountId, reasonDocument(actor)),
    })
    taken += answer.taken ?? 0
  }
  return taken
}

async function allowanceLeft(sql: Sql, accountId: string, mode: 'live' | 'test'): Promise<number> {
  const found = await readBalance(sql, accountId, mode)
  if (!found) return 0
  const { lots, allowance, debt } = found
  const given = lots.filter(({ kind }) => kind === 'allowance')
  const free = given.reduce((sum, { available }) => sum + available, 0)
  return free + Math.max(allowance.due - debt, 0)
}
