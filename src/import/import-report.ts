/** What an import did, or would do. */
import type { Config } from '../config/config.ts'
import type { Plans } from '../ledger/read/read-accounts.ts'
import type { AccountFailure } from './import-account.ts'
import type { UsageHistoryResult } from './import-usage-history.ts'
import { type AccountPart, type ImportPlan, type LeftOut, ownerText } from './plan-import.ts'

export interface ImportReport {
  readonly dryRun: boolean
  readonly keys: {
    readonly found: number
    /** Keys that were written now; in a dry run, those that would be. */
    readonly imported: number
    readonly already: number
    readonly leftOut: number
    /** How many of the keys that are or would be in the ledger work. */
    readonly usable: number
  }
  readonly accounts: { readonly opened: number; readonly byPlan: Readonly<Record<string, number>> }
  readonly conflicts: readonly LeftOut[]
  /** Accounts whose keys had more credits a month together than their plan gives. */
  readonly shared: readonly SharedAllowance[]
  /** Credits that keys used this month before, and how many of them were deducted from allowances now. */
  readonly use: { readonly used: number; readonly taken: number | null }
  readonly usage: { readonly found: number } & Partial<UsageHistoryResult>
}

interface SharedAllowance {
  readonly accountId: string
  readonly owner: string
  readonly keys: number
  readonly before: number
  readonly plan: string
  readonly now: number
}

/** What an import wrote. */
export interface Written {
  readonly opened: number
  readonly failed: readonly LeftOut[]
  readonly deducted: number
  readonly usage: UsageHistoryResult
}

/** @param written undefined in a dry run */
export function importReport(
  plan: ImportPlan,
  {
    plans,
    usageRows,
    written,
    config: { defaultPlan },
  }: {
    readonly plans: Plans
    readonly usageRows: number
    readonly written: Written | undefined
    readonly config: Pick<Config, 'defaultPlan'>
  },
): ImportReport {
  const conflicts = [...plan.leftOut, ...(written?.failed ?? [])]
  const keys = plan.accounts.flatMap((account) => account.keys)
  const toImport = plan.accounts.flatMap((account) => account.newKeys).length
  const byPlan: Record<string, number> = {}
  for (const account of plan.accounts) {
    const name = account.plan ?? defaultPlan
    byPlan[name] = (byPlan[name] ?? 0) + 1
  }
  return {
    dryRun: written === undefined,
    keys: {
      found: plan.found,
      imported: toImport - (written?.failed.length ?? 0),
      already: plan.already,
      leftOut: conflicts.length,
      usable: keys.filter(({ usable }) => usable).length,
    },
    accounts: { opened: written?.opened ?? 0, byPlan },
    conflicts,
    shared: sharedAllowances(plan, plans, defaultPlan),
    use: { used: keys.reduce((sum, { used }) => sum + used, 0), taken: written?.deducted ?? null },
    usage: { found: usageRows, ...written?.usage },
  }
}

/** The keys of an account that could not be written, each with the reason and what to do. */
export function failedKeys({ newKeys }: AccountPart, failure: AccountFailure): LeftOut[] {
  return newKeys.map(({ keyId, owner }) => ({
    ...{ keyId, owner: ownerText(owner) },
    ...(failure === 'account_erased'
      ? {
          problem: "its owner's account was erased here",
          advice: 'nothing: whoever it was has asked to be forgotten',
        }
      : { problem: 'its account was changed at the same time', advice: 'import again' }),
  }))
}

/** A month's credits belong to the account now: ten keys no longer have ten allowances. */
function sharedAllowances(plan: ImportPlan, plans: Plans, defaultPlan: string): SharedAllowance[] {
  return plan.accounts.flatMap(({ accountId, owner, ...account }) => {
    const live = account.keys.filter(({ usable, mode }) => usable && mode === 'live')
    const before = live.reduce(
      (sum, key) => sum + (key.monthlyCredits ?? plans[key.tier]?.credits ?? 0),
      0,
    )
    const name = account.plan ?? defaultPlan
    const now = plans[name]?.credits ?? 0
    const keys = live.length
    return before > now
      ? [{ accountId, owner: ownerText(owner), keys, before, plan: name, now }]
      : []
  })
}
