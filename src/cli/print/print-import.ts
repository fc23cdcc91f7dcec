/** Prints what an import did, or what it would do. */
import type { ImportReport } from '../../import/import-report.ts'
import { bold, dim, formatNumber, heading, pairs, say, table } from '../output.ts'

export function printImport(report: ImportReport, legacyKeys: boolean): void {
  const { keys, accounts, use, usage, dryRun } = report
  const plans = Object.entries(accounts.byPlan).map(
    ([plan, count]) => `${formatNumber(count)} on ${plan}`,
  )
  say(bold(dryRun ? 'This is what an import would do; nothing was written.' : 'Imported.'))
  pairs([
    ['Keys found', keys.found],
    [dryRun ? 'Keys to import' : 'Keys imported', keys.imported],
    ['Keys already there', keys.already],
    ['Keys left out', keys.leftOut],
    ['Keys that work', keys.usable],
    ['Accounts', plans.join(', ') || 'none'],
    ['Accounts opened', dryRun ? null : accounts.opened],
    ['Used this month', `${formatNumber(use.used)} credits`],
    [
      "Taken from this month's allowances",
      use.taken === null ? null : `${formatNumber(use.taken)} credits now`,
    ],
    ['Rows of daily usage', usage.found],
    ['Rows written', usage.written ?? null],
    ['Rows that cannot be imported', usage.unsound || null],
  ])
  if (usage.changed) {
    say(
      dim(
        `${formatNumber(usage.changed)} months of keys have changed since their import; their usage stays as it was imported.`,
      ),
    )
  }
  printShared(report)
  printConflicts(report)
  if (!legacyKeys) {
    say(
      `\n${bold('Set "legacyKeys: true" in tollbook.yaml')} and restart the gateways: without it they refuse imported keys, which have no checksum.`,
    )
  }
}

function printShared({ shared }: ImportReport): void {
  if (shared.length === 0) return
  heading('Monthly credits that the keys of an account had each, and now have together')
  table(
    ['Account', 'Owner', 'Keys', 'Before', 'Plan', 'Now'],
    shared.map((of) => [of.accountId, of.owner, of.keys, of.before, of.plan, of.now]),
  )
  say(dim('"tollbook accounts plan" and "tollbook grants add" give more.'))
}

function printConflicts({ conflicts }: ImportReport): void {
  if (conflicts.length === 0) return
  heading('Left out')
  table(
    ['Key', 'Owner', 'Problem', 'What to do'],
    conflicts.map((key) => [key.keyId, key.owner, key.problem, key.advice]),
  )
  say(dim('Then import again: what is already in the ledger stays as it is.'))
}
