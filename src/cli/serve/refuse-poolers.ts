import { poolingFault } from '../../ledger/read/read-pooling.ts'
import type { Role } from '../../ledger/roles.ts'
import { UsageError } from '../usage-error.ts'

/** What to do where a connection pooler spoils the connections of a variable's URL. */
export const withoutPooler = (variable: string) =>
  `Let ${variable} name PostgreSQL itself: each gateway has pools of its own, and docs/DEPLOY.md says how many connections it takes.`

/** @throws UsageError where a gateway could not rely on its sessions */
export async function refusePooler(variable: string, url: string, role: Role): Promise<void> {
  const fault = await poolingFault(url, role)
  if (fault) throw new UsageError(`${variable}: ${fault}. ${withoutPooler(variable)}`)
}
