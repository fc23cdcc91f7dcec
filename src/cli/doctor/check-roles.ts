/** Checks what the login of a URL may do, and whether the roles are as this version grants them. */
import type { Server } from '../../ledger/read/read-server.ts'
import { type Role, roleNames, roles } from '../../ledger/roles.ts'
import { type Finding, ok, problem, warning } from './finding.ts'

/** @param missing what an administrator has to run before this login can migrate */
export function checkRoles(server: Server, missing: readonly string[]): Finding {
  const { login, database } = server
  const lacking = roles.filter((role) => !server.roles[role].exists)
  if (lacking.length > 0) {
    return problem(
      'roles',
      `the server has no ${named(lacking)}`,
      missing.length > 0
        ? `An administrator has to run:\n${missing.join('\n')}\nThen run "tollbook migrate" as the owner.`
        : 'Run "tollbook migrate" as the owner: it makes the roles.',
    )
  }
  const taken = roles.filter((role) => server.roles[role].isTaken)
  if (taken.length === 0) {
    return problem(
      'roles',
      `${login.name} may take none of ${named(roles)}`,
      `An administrator has to run, for what this login is for:\n${roles.map((role) => `grant ${roleNames[role]} to "${login.name}";`).join('\n')}`,
    )
  }
  const excessive = roles.find((role) => exceeds(server, role))
  if (excessive) {
    return problem(
      'roles',
      `${roleNames[excessive]} may ${server.roles[excessive].writes > 0 ? 'write' : 'read'} tables directly`,
      'Run "tollbook migrate": it takes away what the role should not have.',
    )
  }
  if (server.roles.reader.isTaken && !server.roles.reader.makesTemporaryTables) {
    return warning(
      'roles',
      `${roleNames.reader} may not make temporary tables, as "verify" does`,
      `An administrator has to run:\ngrant temporary on database "${database}" to ${roleNames.reader};`,
    )
  }
  if (login.superuser || login.owns) {
    return warning(
      'roles',
      `${login.name} ${login.superuser ? 'is a superuser' : 'owns the ledger'}`,
      `Keep it for "migrate", "backup" and "restore": let "serve --plane calls" log in as a user that only has the role ${roleNames.calls}, and "serve --plane management" as one with ${roleNames.management}, and its owners' routes (PORTAL_DATABASE_URL) as one with ${roleNames.portal}.`,
    )
  }
  const found = `${login.name} is ${named(taken)}`
  if (taken.filter((role) => role !== 'reader').length < 2) return ok('roles', found)
  return warning(
    'roles',
    found,
    'Give each plane a login of its own: whoever steals this one can do what all of its roles may.',
  )
}

function exceeds({ roles }: Server, role: Role): boolean {
  return roles[role].writes > 0 || (role === 'calls' && roles[role].reads > 0)
}

function named(list: readonly Role[]): string {
  return list.map((role) => roleNames[role]).join(', ')
}
