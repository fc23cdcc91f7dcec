/**
 * Migration from the service that Tollbook replaces: imports its keys, so that no customer has to change one. Each
 * step names what it does by the ids of that service, so an import that was broken off can be run again; what is in
 * the ledger already stays as it is.
 */
import type { Config } from '../config/config.ts'
import type { KeyPrefixes } from '../gate/authenticate/key-format.ts'
import type { ManagementCommands } from '../ledger/commands/management-commands.ts'
import type { Sql } from '../ledger/connect.ts'
import { type Plans, readPlans } from '../ledger/read/read-accounts.ts'
import { readKnownKeys } from '../ledger/read/read-imported.ts'
import { readShards, readShardsOf } from '../ledger/read/read-shards.ts'
import type { Actor } from '../management/actor.ts'
import { shardOf } from '../management/shard-of.ts'
import { deductAllowanceUsed } from './deduct-allowance-used.ts'
import { importAccount } from './import-account.ts'
import { failedKeys, type ImportReport, importReport, type Written } from './import-report.ts'
import { importUsageHistory, type UsageTarget } from './import-usage-history.ts'
import type { OldDatabase } from './old-database.ts'
import { type ImportPlan, type LeftOut, planImport } from './plan-import.ts'

interface ImportDeps {
  readonly source: OldDatabase
  readonly sql: Sql
  readonly commands: ManagementCommands
  readonly config: Config
  readonly prefixes: KeyPrefixes
  readonly actor: Actor
  readonly dryRun: boolean
  /** Called with what is being written, of how many, and how many are done. */
  readonly progress: (what: 'accounts' | 'usage', total: number, done: number) => void
}

/** The plans of the tariff in force, and the ledger's time. */
interface Terms {
  readonly plans: Plans
  readonly now: Date
}

/** @returns undefined while no tariff is in force, because there are no plans then */
export async function runImport(deps: ImportDeps): Promise<ImportReport | undefined> {
  const { source, sql, config, prefixes, dryRun } = deps
  const tariff = await readPlans(sql, 0)
  if (!tariff) return undefined
  const { plans, readAt: now } = tariff
  const oldKeys = await source.readKeys(now.toISOString().slice(0, 7))
  const known = await readKnownKeys(
    sql,
    oldKeys.map(({ id }) => id),
    oldKeys.flatMap(({ hash }) => hash ?? []),
  )
  const permissions = [...new Set(Object.values(config.routes).map(({ permission }) => permission))]
  const plan = planImport(oldKeys, known, plans, { prefixes, permissions, now })
  const usageRows = await source.countUsage()
  const written = dryRun ? undefined : await write(plan, usageRows, deps, { plans, now })
  return importReport(plan, { plans, usageRows, written, config })
}

async function write(
  plan: ImportPlan,
  usageRows: number,
  deps: ImportDeps,
  terms: Terms,
): Promise<Written> {
  const { targets, ...accounts } = await writeAccounts(plan, deps, terms)
  const { source, commands, config, actor, progress } = deps
  let rowsDone = 0
  const usage = await importUsageHistory(
    source.readUsage(),
    { commands, actorId: actor.id, targets, endpointOf: endpointNames(config), now: terms.now },
    (rows) => {
      rowsDone += rows
      progress('usage', usageRows, rowsDone)
    },
  )
  return { ...accounts, usage }
}

/** Writes the accounts with their keys. `targets` has the keys that are in the ledger then, by their ids. */
async function writeAccounts(
  { accounts }: ImportPlan,
  { sql, commands, config, actor, progress }: ImportDeps,
  { plans, now }: Terms,
) {
  const shards = (await readShards(sql)).length
  const opened = await readShardsOf(
    sql,
    accounts.map(({ accountId }) => accountId),
  )
  const result = { opened: 0, failed: [] as LeftOut[], deducted: 0 }
  const targets = new Map<string, UsageTarget>()
  for (const [done, part] of accounts.entries()) {
    const { accountId } = part
    progress('accounts', accounts.length, done)
    const failure = await importAccount(part, {
      ...{ sql, commands, plans, actor },
      ...{ defaultPlan: config.defaultPlan, at: now.toISOString() },
      shardOf: (id) => shardOf(id, shards),
    })
    if (failure) {
      result.failed.push(...failedKeys(part, failure))
      continue
    }
    if (!opened.has(accountId)) result.opened++
    result.deducted += await deductAllowanceUsed(part, { sql, commands, actor })
    const shard = opened.get(accountId) ?? shardOf(accountId, shards)
    for (const key of part.keys) targets.set(key.keyId, { accountId, shard, key })
  }
  progress('accounts', accounts.length, accounts.length)
  return { ...result, targets }
}

/** A function that turns an endpoint of the replaced service into a route's id, where it is a route's path. */
function endpointNames({ routes }: Config): (endpoint: string) => string {
  const byPath = new Map(Object.values(routes).map(({ path, id }) => [path, id]))
  return (endpoint) => {
    const text = [...endpoint.trim()].filter((character) => character >= ' ').join('')
    const path = text.replace(/^(GET|POST|PUT|PATCH|DELETE) +/i, '')
    return byPath.get(path) ?? (text.slice(0, 200) || 'unknown')
  }
}
