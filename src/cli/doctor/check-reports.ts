/** Checks the standby that reports read, where REPORTS_DATABASE_URL names one. */
import { readLedgerId } from '../../ledger/append/high-water-marks.ts'
import { connect, type Sql } from '../../ledger/connect.ts'
import { readHeads } from '../../ledger/read/read-heads.ts'
import { readRolesOfLogin } from '../../ledger/read/read-roles.ts'
import { type Role, roleNames } from '../../ledger/roles.ts'
import { explainError } from '../explain-error.ts'
import { type Finding, ok, problem, warning } from './finding.ts'

const check = 'reports'
const variable = 'REPORTS_DATABASE_URL'

/**
 * @param primaryUrl of the ledger
 * @param roles that reports take: that of management, and that of owners' routes where they have a login of their own
 */
export async function checkReports(
  url: string,
  primaryUrl: string,
  roles: readonly Role[],
): Promise<Finding> {
  const standby = connect({ url, as: 'owner', max: 1 })
  const primary = connect({ url: primaryUrl, as: 'owner', max: 1 })
  try {
    return (await rolesFault(standby, roles)) ?? (await following(standby, primary))
  } catch (error) {
    return problem(check, 'cannot be read', explainError(error))
  } finally {
    await Promise.all([standby, primary].map((sql) => sql.end({ timeout: 1 })))
  }
}

async function rolesFault(standby: Sql, roles: readonly Role[]): Promise<Finding | undefined> {
  const { login, taken } = await readRolesOfLogin(standby)
  const lacking = roles.map((role) => roleNames[role]).filter((name) => !taken.includes(name))
  if (lacking.length === 0) return undefined
  return problem(
    check,
    `${login} may not take the role ${lacking.join(' and the role ')}`,
    `An administrator has to run, on the primary:\ngrant ${lacking.join(', ')} to "${login}";`,
  )
}

async function following(standby: Sql, primary: Sql): Promise<Finding> {
  const [server] = await standby<[{ isStandby: boolean }]>`
    select pg_is_in_recovery() as "isStandby"`
  if (!server.isStandby) {
    return warning(
      check,
      `${variable} names a server that follows none`,
      'Let it name a standby of the ledger’s PostgreSQL, or unset it: reports read the primary so.',
    )
  }
  const [ledger, other] = await Promise.all([readLedgerId(primary), readLedgerId(standby)])
  if (other !== ledger) {
    return problem(
      check,
      `${variable} names a standby of another ledger`,
      'Let it name a standby of the server that DATABASE_URL names.',
    )
  }
  const sum = (heads: readonly { position: number }[]) =>
    heads.reduce((total, { position }) => total + position, 0)
  const behind = sum(await readHeads(primary)) - sum(await readHeads(standby))
  return ok(check, `a standby, ${Math.max(0, behind)} events behind`)
}
