/**
 * Moving in: takes the keys of the service that Tollbook replaces, so that none of its customers has to
 * change one. Every step names what it does by the ids of that service, so an import can be broken off and
 * done again: what is in the ledger is left as it is.
 */
import type { Config } from '../config/config.ts'
import type { KeyPrefixes } from '../gate/authenticate/key-format.ts'
import type { Commands } from '../ledger/commands/management-commands.ts'
import type { Sql } from '../ledger/connect.ts'
import { readPlans } from '../ledger/read/read-accounts.ts'
import { readShards } from '../ledger/read/read-for-calls.ts'
import { readKnownKeys, readShardsOf } from '../ledger/read/read-imported.ts'
import type { Actor } from '../management/execute.ts'
import { shardOf } from '../management/shard-of.ts'
import { deductAllowanceUsed } from './deduct-allowance-used.ts'
import { importAccount } from './import-account.ts'
import {
  importUsageHistory,
  type UsageHistoryResult,
  type UsageTarget,
} from './import-usage-history.ts'
import type { OldDatabase } from './old-database.ts'
import { type ImportPlan, type LeftOut, planImport } from './plan-import.ts'

export interface ImportDeps {
  readonly source: OldDatabase
  readonly sql: Sql
  readonly commands: Commands
  readonly config: Config
  readonly prefixes: KeyPrefixes
  readonly actor: Actor
  readonly dryRun: boolean
  /** Told what is being done, of how many, and how many are done. */
  readonly progress: (what: 'accounts' | 'usage', total: number, done: number) => void
}

export interface ImportReport {
  readonly dryRun: boolean
  readonly keys: {
    readonly found: number
    /** Written now; in a dry run, those that would be. */
    readonly imported: number
    readonly already: number
    readonly leftOut: number
    /** Of those that are or would be in the ledger, the ones that work. */
    readonly usable: number
  }
  readonly accounts: { readonly opened: number; readonly byPlan: Readonly<Record<string, number>> }
  readonly conflicts: readonly LeftOut[]
  /** Accounts whose keys gave more credits a month together than their plan does. */
  readonly shared: readonly SharedAllowance[]
  /** Credits that keys used this month before, and what of it was taken from allowances now. */
  readonly use: { readonly used: number; readonly taken: number | null }
  readonly usage: { readonly found: number } & Partial<UsageHistoryResult>
}

export interface SharedAllowance {
  readonly accountId: string
  readonly owner: string
  readonly keys: number
  readonly before: number
  readonly plan: string
  readonly now: number
}

/** @returns undefined while no tariff is in force, without which there are no plans */
export async function runImport(deps: ImportDeps): Promise<ImportReport | undefined> {
  const { source, sql, config, dryRun } = deps
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
  const plan = planImport(oldKeys, known, plans, { prefixes: deps.prefixes, permissions, now })
  const usageRows = await source.countUsage()
  const written = dryRun ? undefined : await write(plan, usageRows, deps, { plans, now })
  return reportOf(plan, { ...deps, plans, usageRows, written })
}

type Plans = Parameters<typeof planImport>[2]

interface Written {
  readonly opened: number
  readonly failed: readonly LeftOut[]
  readonly taken: number
  readonly usage: UsageHistoryResult
}

async function write(
  plan: ImportPlan,
  usageRows: number,
  deps: ImportDeps,
  { plans, now }: { readonly plans: Plans; readonly now: Date },
): Promise<Written> {
  const { sql, commands, config, actor, progress } = deps
  const shards = (await readShards(sql)).length
  const lived = await readShardsOf(
    sql,
    plan.accounts.map(({ accountId }) => accountId),
  )
  const failed: LeftOut[] = []
  const targets = new Map<string, UsageTarget>()
  let opened = 0
  let taken = 0
  for (const [done, part] of plan.accounts.entries()) {
    progress('accounts', plan.accounts.length, done)
    const failure = await importAccount(part, {
      ...{ sql, commands, plans, actor, defaultPlan: config.defaultPlan, at: now.toISOString() },
      shardOf: (accountId) => shardOf(accountId, shards),
    })
    if (failure) {
      failed.push(...part.newKeys.map(({ keyId, owner }) => failedKey(keyId, owner, failure)))
      continue
    }
    if (!lived.has(part.accountId)) opened++
    taken += await deductAllowanceUsed(part, { sql, commands, actor })
    const shard = lived.get(part.accountId) ?? shardOf(part.accountId, shards)
    for (const key of part.keys) {
      targets.set(key.keyId, { accountId: part.accountId, shard, key })
    }
  }
  progress('accounts', plan.accounts.length, plan.accounts.length)
  let rowsDone = 0
  const usage = await importUsageHistory(
    deps.source.readUsage(),
    { commands, actor: actor.id, targets, endpointOf: endpointNames(config), now },
    (rows) => {
      rowsDone += rows
      progress('usage', usageRows, rowsDone)
    },
  )
  return { opened, failed, taken, usage }
}

function failedKey(
  keyId: string,
  owner: { readonly kind: string; readonly id: string },
  failure: 'account_erased' | 'changed_meanwhile',
): LeftOut {
  const whose = { keyId, owner: `${owner.kind} ${owner.id}` }
  if (failure === 'account_erased') {
    const advice = 'nothing: whoever it was has asked to be forgotten'
    return { ...whose, problem: "its owner's account was erased here", advice }
  }
  return { ...whose, problem: 'its account was changed at the same time', advice: 'import again' }
}

/** A path that a route has is that route's id, with or without its method before it. */
function endpointNames({ routes }: Config): (endpoint: string) => string {
  const byPath = new Map(Object.values(routes).map(({ path, id }) => [path, id]))
  return (endpoint) => {
    const text = [...endpoint.trim()].filter((character) => character >= ' ').join('')
    const path = text.replace(/^(GET|POST|PUT|PATCH|DELETE) +/i, '')
    return byPath.get(path) ?? (text.slice(0, 200) || 'unknown')
  }
}

function reportOf(
  plan: ImportPlan,
  {
    dryRun,
    plans,
    usageRows,
    written,
    config,
  }: ImportDeps & {
    readonly plans: Plans
    readonly usageRows: number
    readonly written: Written | undefined
  },
): ImportReport {
  const conflicts = [...plan.leftOut, ...(written?.failed ?? [])]
  const keys = plan.accounts.flatMap((account) => account.keys)
  const toImport = plan.accounts.flatMap((account) => account.newKeys).length
  const byPlan: Record<string, number> = {}
  for (const account of plan.accounts) {
    const name = account.plan ?? config.defaultPlan
    byPlan[name] = (byPlan[name] ?? 0) + 1
  }
  return {
    dryRun,
    keys: {
      found: plan.found,
      imported: toImport - (written?.failed.length ?? 0),
      already: plan.already,
      leftOut: conflicts.length,
      usable: keys.filter(({ usable }) => usable).length,
    },
    accounts: { opened: written?.opened ?? 0, byPlan },
    conflicts,
    shared: sharedAllowances(plan, plans, config.defaultPlan),
    use: { used: keys.reduce((sum, { used }) => sum + used, 0), taken: written?.taken ?? null },
    usage: { found: usageRows, ...written?.usage },
  }
}

/** A month's credits belong to the account now: ten keys are not ten allowances any more. */
function sharedAllowances(plan: ImportPlan, plans: Plans, defaultPlan: string): SharedAllowance[] {
  return plan.accounts.flatMap((account) => {
    const live = account.keys.filter(({ usable, mode }) => usable && mode === 'live')
    const before = live.reduce(
      (sum, key) => sum + (key.monthlyCredits ?? plans[key.tier]?.credits ?? 0),
      0,
    )
    const name = account.plan ?? defaultPlan
    const now = plans[name]?.credits ?? 0
    if (before <= now) return []
    const owner = `${account.owner.kind} ${account.owner.id}`
    return [{ accountId: account.accountId, owner, keys: live.length, before, plan: name, now }]
  })
}
