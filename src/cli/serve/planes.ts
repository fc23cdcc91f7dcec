/** Which planes a gateway serves, and whether the logins keep them apart. */
import { connect } from '../../ledger/connect.ts'
import { readRolesOfLogin } from '../../ledger/read/read-roles.ts'
import { type Role, roleNames } from '../../ledger/roles.ts'
import { manages, type Plane, planes, sells } from '../../server/plane.ts'
import { UsageError } from '../usage-error.ts'

/** @throws UsageError */
export function parsePlane(text: string): Plane {
  const plane = planes.find((name) => name === text)
  if (plane) return plane
  throw new UsageError(`--plane takes one of ${planes.join(', ')}, not "${text}".`)
}

interface Urls {
  readonly calls: string
  readonly management: string
  /** undefined: owners' routes have no login of their own. */
  readonly portal: string | undefined
}

/** Says it where the login of one part could do what another may: then parting them protects nothing. */
export async function warnOfSharedLogins(
  plane: Plane,
  urls: Urls,
  log: { warn(fields: object, message: string): void },
): Promise<void> {
  const { calls, management, portal } = urls
  const logins: (readonly [Role, readonly Role[], string])[] = [
    ...(sells(plane) ? [['calls', ['management'], calls] as const] : []),
    ...(manages(plane) ? [['management', ['calls'], management] as const] : []),
    ...(manages(plane) && portal ? [['portal', ['calls', 'management'], portal] as const] : []),
  ]
  for (const [role, others, url] of logins) {
    const sql = connect({ url, as: role, max: 1 })
    try {
      const { login, taken } = await readRolesOfLogin(sql)
      const too = others.map((other) => roleNames[other]).filter((name) => taken.includes(name))
      if (too.length === 0) continue
      log.warn(
        { login, roles: taken },
        `the login for ${role} may take the role ${too.join(' and the role ')}, too: whoever steals it can do what all of them may. docs/SECURITY.md says how to part them`,
      )
    } finally {
      await sql.end({ timeout: 1 })
    }
  }
  if (manages(plane) && portal === undefined) {
    log.warn(
      {},
      "owners' routes use the login for management: whoever finds a way through them can grant credits, publish prices and erase accounts. Give them a login of their own, PORTAL_DATABASE_URL, with the role tollbook_portal",
    )
  }
}
