/** Checks whether there are connections enough for all gateways: of the server, of the database, and of each login. */
import { parseDatabaseUrl } from '../../ledger/connection/parse-database-url.ts'
import type { Server } from '../../ledger/read/read-server.ts'
import type { Plane } from '../../server/plane.ts'
import { connectionsOf } from '../../server/pool-sizes.ts'
import { type Finding, ok, problem } from './finding.ts'

/** For people who look at the database, commands, and pools that are being replaced. */
const spare = 20

export interface Gateways {
  readonly gateways: number
  readonly shards: number
  /** Where management has a login of its own. */
  readonly managementUrl: string | undefined
  /** Where owners' routes have one. */
  readonly portalUrl: string | undefined
}

/** What the login takes is counted, and what those of management and owners' routes take beside it; all others have what they have now. */
export function checkConnections(server: Server, gateways: Gateways): Finding[] {
  const { login, settings, connections } = server
  const needed = neededBy(server, gateways)
  const own = [login.name, ...needed.otherLogins]
  const others = Object.entries(connections)
    .filter(([name]) => !own.includes(name))
    .reduce((sum, [, count]) => sum + count, 0)
  const max = Number(settings.max_connections)
  const reserved =
    Number(settings.superuser_reserved_connections) + Number(settings.reserved_connections)
  const all = needed.login + needed.others
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

/** Why the login of a part has not connections enough; undefined: it has. */
export function loginLimit(
  check: 'management' | 'portal',
  server: Server,
  gateways: number,
): Finding | undefined {
  const finding = ofLogin(server, gateways * connectionsOf('both', 1)[check])
  return finding && { ...finding, check }
}

function neededBy(server: Server, { gateways, shards, managementUrl, portalUrl }: Gateways) {
  const plane = managementUrl === undefined ? planeOf(server) : 'both'
  const { calls, management, portal } = connectionsOf(plane, shards)
  const others = [
    ...(managementUrl === undefined ? [] : [{ url: managementUrl, count: management }]),
    ...(portalUrl === undefined ? [] : [{ url: portalUrl, count: portal }]),
  ]
  return {
    login: gateways * (managementUrl === undefined ? calls + management : calls),
    others: gateways * others.reduce((sum, { count }) => sum + count, 0),
    otherLogins: others.map(({ url }) => parseDatabaseUrl(url).user),
  }
}

/** What a gateway can serve by this login alone. */
function planeOf({ roles }: Server): Plane {
  if (roles.calls.isTaken === roles.management.isTaken) return 'both'
  return roles.calls.isTaken ? 'calls' : 'management'
}
