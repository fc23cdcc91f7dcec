/** What no test of the ledger may leave behind, whatever it wrote. */
import { faultsIn } from '../mutations/faults-in.ts'
import { catchUpAll } from './catch-up-all.ts'
import { compareWithProjections } from './compare.ts'
import { readLog } from './log.ts'
import { breachesOf } from './log-rules.ts'
import type { Ledger } from './test-ledger.ts'

/** Where the log breaches its rules, how projections differ from it, and what verify finds. */
export async function wrongIn({ sql, url }: Pick<Ledger, 'sql' | 'url'>) {
  await catchUpAll(sql)
  const breaches = breachesOf(await readLog(sql))
  const differences = await compareWithProjections(sql)
  const faults = await faultsIn(url)
  return { breaches, differences, faults }
}

export const nothingWrong = { breaches: [], differences: [], faults: [] }
