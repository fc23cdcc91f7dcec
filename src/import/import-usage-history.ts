/**
 * Writes daily usage as opening figures, with one command for each key and month. A command that is repeated does
 * nothing, and the ledger returns a mismatch for a month whose usage has changed since the last import.
 */
import { maxAmount } from '../../events/bounds.ts'
import type { ImportedUsage, ManagementCommands } from '../ledger/commands/management-commands.ts'
import type { OldUsage } from './old-database.ts'
import type { ReadKey } from './read-old-key.ts'

export interface UsageTarget {
  readonly accountId: string
  readonly shard: number
  readonly key: ReadKey
}

interface UsageDeps {
  readonly commands: ManagementCommands
  readonly actorId: string
  /** The keys that are in the ledger, by their ids. */
  readonly targets: ReadonlyMap<string, UsageTarget>
  /** The name of an endpoint in this ledger. */
  readonly endpointOf: (endpoint: string) => string
  readonly now: Date
}

export interface UsageHistoryResult {
  /** Rows of keys that are in the ledger. */
  readonly rows: number
  /** Rows that the ledger did not have. */
  readonly written: number
  /** Rows that cannot be true: a day in the future, a number below 0. */
  readonly unsound: number
  /** Months of keys whose usage has changed since it was imported. It stays as it was imported. */
  readonly changed: number
}

/** @param pages rows in which those of a key stand together, in the order of their days */
export async function importUsageHistory(
  pages: AsyncIterable<readonly OldUsage[]>,
  deps: UsageDeps,
  progress: (rows: number) => void,
): Promise<UsageHistoryResult> {
  const result = { rows: 0, written: 0, unsound: 0, changed: 0 }
  let month: OldUsage[] = []
  for await (const page of pages) {
    for (const row of page) {
      if (!deps.targets.has(row.keyId)) continue
      if (!isSound(row, deps.now)) {
        result.unsound++
        continue
      }
      result.rows++
      if (month[0] && monthOf(month[0]) !== monthOf(row)) {
        await write(month)
        month = []
      }
      month.push(row)
    }
    progress(page.length)
  }
  if (month.length > 0) await write(month)
  return result

  async function write(rows: readonly OldUsage[]): Promise<void> {
    const outcome = await writeMonth(rows, deps)
    if (outcome === 'written') result.written += rows.length
    if (outcome === 'changed') result.changed++
  }
}

/** @param rows of one key and one month */
async function writeMonth(
  rows: readonly OldUsage[],
  { commands, actorId, targets, endpointOf }: UsageDeps,
): Promise<'written' | 'unchanged' | 'changed'> {
  const { keyId, day } = rows[0] as OldUsage
  const { accountId, shard, key } = targets.get(keyId) as UsageTarget
  const usage = rows.map(
    (row): ImportedUsage => ({
      time: timeOf(row.day, key.lastUsedAt),
      endpoint: endpointOf(row.endpoint),
      calls: row.calls,
      errors: row.errors,
      credits: row.credits,
      latencyMsSum: row.latencyMsSum,
    }),
  )
  const id = `import:usage:${keyId}:${day.slice(0, 7)}`
  const { verdict, repeated } = await commands.importUsage(shard, {
    ...{ id, accountId, keyId, mode: key.mode, actor: actorId, usage },
  })
  if (verdict === 'mismatch') return 'changed'
  if (verdict !== 'ok') throw new Error(`the ledger returned ${verdict} for the usage of ${keyId}`)
  return repeated ? 'unchanged' : 'written'
}

/** The day's beginning; on the key's last day, the time of its last call. */
function timeOf(day: string, lastUsedAt: string | null): string {
  return lastUsedAt?.startsWith(day) ? lastUsedAt : `${day}T00:00:00.000Z`
}

function monthOf({ keyId, day }: OldUsage): string {
  return `${keyId} ${day.slice(0, 7)}`
}

function isSound({ day, calls, errors, credits, latencyMsSum }: OldUsage, now: Date): boolean {
  const numbers = [calls, errors, credits, latencyMsSum]
  return (
    /^20\d\d-\d\d-\d\d$/.test(day) &&
    day <= now.toISOString().slice(0, 10) &&
    numbers.every((number) => Number.isInteger(number) && number >= 0 && number <= maxAmount)
  )
}
