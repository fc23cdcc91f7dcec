/** What verify finds in a log, and in the tables beside it: everything but the projections, which are rebuilt from the log. */
import { connect } from '../../src/ledger/connect.ts'
import type { LogCheck, LogCheckOptions, LogFault } from '../../src/projector/verify/log-check.ts'
import { openMeaningCheck } from '../../src/projector/verify/meaning/meaning-check.ts'
import { checkCommands } from '../../src/projector/verify/tables/check-commands.ts'

export async function faultsIn(url: string): Promise<LogFault[]> {
  const options: LogCheckOptions = { url, shard: 0, maxDescribed: 100_000 }
  const checks: LogCheck[] = []
  try {
    checks.push(await openMeaningCheck(options))
    const found = await Promise.all(checks.map((check) => check.advance()))
    return [...found.flatMap(({ faults }) => faults), ...(await commandFaults(url))]
  } finally {
    await Promise.all(checks.map((check) => check.close()))
  }
}

async function commandFaults(url: string): Promise<LogFault[]> {
  const sql = connect({ url, as: 'reader', max: 1 })
  try {
    const found = await checkCommands(sql, 0, Number.MAX_SAFE_INTEGER)
    return found.map(({ position, fault }) => ({ shard: 0, position: position ?? 0, fault }))
  } finally {
    await sql.end({ timeout: 5 })
  }
}
