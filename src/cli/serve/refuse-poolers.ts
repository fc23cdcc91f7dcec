import { poolingFault } from '../../ledger/read/read-pooling.ts'
import type { Role } from '../../ledger/roles.ts'
import { isUnavailable } from '../../ledger/unavailable.ts'
import { UsageError } from '../usage-error.ts'

/** What to do where a connection pooler spoils the connections of a variable's URL. */
export const withoutPooler = (variable: string) =>
  `Let ${variable} name PostgreSQL itself: each gateway has pools of its own, and docs/DEPLOY.md says how many connections it takes.`

/** @throws UsageError where a gateway could not rely on its sessions */
export async function refusePooler(variable: string, url: string, role: Role): Promise<void> {
  const fault = await poolingFault(url, role)
  if (fault) throw new UsageError(`${variable}: ${fault}. ${withoutPooler(variable)}`)
}

/** The same of the standby that reports read, if it is there. @throws UsageError */
export async function refusePoolerOfStandby(url: string): Promise<void> {
  try {
    await refusePooler('REPORTS_DATABASE_URL', url, 'management')
  } catch (error) {
    if (!isUnavailable(error)) throw error
  }
}
