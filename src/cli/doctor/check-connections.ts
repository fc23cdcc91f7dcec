/** Checks whether there are connections enough for all gateways: of the server, of the database, and of each login. */
import { parseDatabaseUrl } from '../../ledger/connection/parse-database-url.ts'
import type { Server } from '../../ledger/read/read-server.ts'
import type { Plane } from '../../server/plane.ts'
import { connectionsOf } from '../../server/pool-sizes.ts'
import { type Finding, ok, problem } from './finding.ts'

/** For people who look at the database, commands, and pools that are being replaced. */
const spare = 20

interface Gateways {
  readonly gateways: number
  readonly shards: number
  /** Where management has a login of its own. */
  readonly managementUrl: string | undefined
}

/** What the login takes is counted, and what that of management takes beside it; all others have what they have now. */
export function checkConnections(server: Server, gateways: Gateways): Finding[] {
  const { login, settings, connections } = server
  const needed = neededBy(server, gateways)
  const own = [login.name, needed.managementLogin]
  const others = Object.entries(connections)
    .filter(([name]) => !own.includes(name))
    .reduce((sum, [, count]) => sum + count, 0)
  const max = Number(settings.max_connections)
  const reserved =
    Number(settings.superuser_reserved_connections) + Number(settings.reserved_connections)
  const all = needed.login + needed.management
  const found = `${max}, of which ${reserved} are reserved and ${others} taken by others; the gateways take ${all}`
  return [
    all + others + reserved > max
      ? problem(
          'max_connections',
          found,
          `Set max_connections to ${all + others + reserved + spare} or more, and restart PostgreSQL: calls of a gateway that gets no connection are refused (503).`,
        )
      : ok('max_connections', found),
    ofDatabase(server, all + others),
    ofLogin(server, needed.login),
  ].filter((finding) => finding !== undefined)
}

function ofDatabase(
  { database, login, connectionLimits }: Server,
  count: number,
): Finding | undefined {
  const limit = connectionLimits.database
  if (login.superuser || limit < 0 || limit >= count) return undefined
  return problem(
    'connection limit',
    `${limit} of the database ${database}; the gateways and others take ${count}`,
    `An administrator has to run:\nalter database "${database}" connection limit ${count + spare};`,
  )
}

function ofLogin({ login, connectionLimits }: Server, count: number): Finding | undefined {
  const limit = connectionLimits.login
  if (login.superuser || limit < 0 || limit >= count) return undefined
  return problem(
    'connection limit',
    `${limit} of the login ${login.name}; the gateways take ${count}`,
    `An administrator has to run:\nalter role "${login.name}" connection limit ${count + spare};`,
  )
}

/** Why the login of management has not connections enough, as the finding of `check`; undefined: it has. */
export function managementLimit(
  check: string,
  server: Server,
  gateways: number,
): Finding | undefined {
  const finding = ofLogin(server, gateways * connectionsOf('both', 1).management)
  return finding && { ...finding, check }
}

function neededBy(server: Server, { gateways, shards, managementUrl }: Gateways) {
  if (managementUrl !== undefined) {
    const { calls, management } = connectionsOf('both', shards)
    const { user } = parseDatabaseUrl(managementUrl)
    return {
      login: gateways * calls,
      management: gateways * management,
      managementLogin: user,
    }
  }
  const { calls, management } = connectionsOf(planeOf(server), shards)
  return { login: gateways * (calls + management), management: 0 }
}

/** What a gateway can serve by this login alone. */
function planeOf({ roles }: Server): Plane {
  if (roles.calls.isTaken === roles.management.isTaken) return 'both'
  return roles.calls.isTaken ? 'calls' : 'management'
}
