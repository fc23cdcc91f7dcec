/**
 * The state as of a position, on which the append decided: key, account, tariff and credits, from the events up to
 * there. Projections are used to find events only (the account of a key, the positions of tariffs), never for figures.
 */
import { budgetsOfKey } from '../../../events/budget.ts'
import type { Mode } from '../../../events/event.ts'
import type { Sql } from '../../ledger/connect.ts'
import type { Moment } from './moment.ts'
import { type BudgetAsOf, readBudgetsAsOf } from './read-budgets-as-of.ts'
import { type CreditsAsOf, readCreditsAsOf } from './read-credits-as-of.ts'
import { readTariffAsOf, type TariffAsOf } from './read-tariff-as-of.ts'
import {
  type AccountAsOf,
  accountAsOf,
  type KeyAsOf,
  keyAsOf,
  type StreamChange,
} from './streams-as-of.ts'

export interface StateAsOf {
  readonly key: KeyAsOf | undefined
  readonly account: AccountAsOf
  readonly tariff: TariffAsOf | undefined
  readonly credits: CreditsAsOf
  readonly budgets: readonly BudgetAsOf[]
}

export async function readStateAsOf(
  sql: Sql,
  subject: { readonly accountId: string; readonly keyId: string; readonly mode: Mode },
  at: Moment,
): Promise<StateAsOf> {
  const { accountId, keyId } = subject
  const [changes, tariff, credits] = await Promise.all([
    readChanges(sql, accountId, at),
    readTariffAsOf(sql, at),
    readCreditsAsOf(sql, subject, at),
  ])
  const ofAccount = changes.filter((change) => change.keyId === null)
  const account = accountAsOf(accountId, ofAccount, at.now)
  const key = keyAsOf(changes.filter((change) => change.keyId === keyId))
  const budgets = budgetsOfKey(account.budgets, { budgets: [], group: null, ...key, keyId })
  return {
    key,
    account,
    tariff,
    credits,
    budgets: await readBudgetsAsOf(sql, subject, budgets, at),
  }
}

function readChanges(
  sql: Sql,
  accountId: string,
  { shard, position }: Moment,
): Promise<StreamChange[]> {
  return sql<StreamChange[]>`
    select position, type, stream_version as version, key_id as "keyId", payload
    from events
    where account_id = ${accountId} and shard = ${shard} and position <= ${position}
      and stream_version is not null
    order by position`
}
