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

/** Says it where the login of one plane could do what the other may: then planes protect nothing. */
export async function warnOfSharedLogins(
  plane: Plane,
  callsUrl: string,
  managementUrl: string,
  log: { warn(fields: object, message: string): void },
): Promise<void> {
  const logins: (readonly [Role, Role, string])[] = [
    ...(sells(plane) ? [['calls', 'management', callsUrl] as const] : []),
    ...(manages(plane) ? [['management', 'calls', managementUrl] as const] : []),
  ]
  for (const [role, other, url] of logins) {
    const sql = connect({ url, as: role, max: 1 })
    try {
      const { login, taken } = await readRolesOfLogin(sql)
      if (!taken.includes(roleNames[other])) continue
      log.warn(
        { login, roles: taken },
        `the login for ${role} may take the role ${roleNames[other]}, too: whoever steals it can do what both may. docs/SECURITY.md says how to part them`,
      )
    } finally {
      await sql.end({ timeout: 1 })
    }
  }
}
