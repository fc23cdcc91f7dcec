/** Checks PostgreSQL: whether it can lose a committed charge, and whether a gateway can work on it. */
import { connect, defaultSchema, type Sql } from '../../ledger/connect.ts'
import { printHosts } from '../../ledger/connection/database-address.ts'
import { parseDatabaseUrl } from '../../ledger/connection/parse-database-url.ts'
import { readMissingRights } from '../../ledger/migrate/owner-rights.ts'
import { readLoosenedSettings } from '../../ledger/read/read-loosened-settings.ts'
import { poolingFault } from '../../ledger/read/read-pooling.ts'
import { readServer, type Server } from '../../ledger/read/read-server.ts'
import { readShards } from '../../ledger/read/read-shards.ts'
import { type Role, roleNames, roles } from '../../ledger/roles.ts'
import { explainError } from '../explain-error.ts'
import { withoutPooler } from '../serve/refuse-poolers.ts'
import { checkConnections, type Gateways, loginLimit } from './check-connections.ts'
import { checkRoles } from './check-roles.ts'
import { checkSettings } from './check-settings.ts'
import { checkStandbys } from './check-standbys.ts'
import { type Finding, ok, problem, warning } from './finding.ts'

interface Checked {
  readonly findings: readonly Finding[]
  /** A role by which the ledger can be looked at; undefined: there is none. */
  readonly role?: Role | undefined
}

/** @param urls where management, and owners' routes, have logins of their own */
export async function checkPostgres(
  url: string,
  gateways: number,
  urls: Pick<Gateways, 'managementUrl' | 'portalUrl'>,
): Promise<Checked> {
  let sql: Sql | undefined
  try {
    const pooling = await poolingFault(url, 'owner')
    // What else would be read is true of some session, and not of those of gateways.
    if (pooling) return { findings: [problem('pooling', pooling, withoutPooler('DATABASE_URL'))] }
    sql = connect({ url, as: 'owner', max: 1 })
    await sql`select` // connects first, so that the time of connecting does not count as a difference of clocks
    const askedAtMs = Date.now()
    const server = await readServer(sql)
    const clockOffsetMs = server.timeMs - (askedAtMs + Date.now()) / 2
    const address = parseDatabaseUrl(url)
    const role = roles.find((role) => server.roles[role].isTaken)
    const shards = role ? await countShards(url, role) : 1
    const findings = [
      ok('postgres', `${printHosts(address)}, as ${server.login.name}`),
      ok('pooling', 'none: each connection has a session of its own'),
      version(server),
      ...durability(server),
      checkStandbys(server, { hosts: address.hosts.length }),
      ...upkeep(server),
      ...checkConnections(server, { gateways, shards, ...urls }),
      checkRoles(server, await readMissingRights(sql, defaultSchema)),
      checkSettings(await readLoosenedSettings(sql)),
      clock(clockOffsetMs),
    ]
    return { findings, role }
  } catch (error) {
    return { findings: [problem('postgres', 'cannot be reached', explainError(error))] }
  } finally {
    await sql?.end({ timeout: 1 })
  }
}

/** 1 where there is no ledger yet. */
async function countShards(url: string, role: Role): Promise<number> {
  const sql = connect({ url, as: role, max: 1 })
  try {
    return (await readShards(sql)).length
  } catch {
    return 1
  } finally {
    await sql.end({ timeout: 1 })
  }
}

const variables = { management: 'MANAGEMENT_DATABASE_URL', portal: 'PORTAL_DATABASE_URL' } as const

/** What the login of a variable may do, where the part has one of its own. */
export async function checkLoginOf(
  check: 'management' | 'portal',
  url: string,
  gateways: number,
): Promise<Finding> {
  const sql = connect({ url, as: 'owner', max: 1 })
  try {
    const pooling = await poolingFault(url, 'owner')
    if (pooling) return problem(check, pooling, withoutPooler(variables[check]))
    const server = await readServer(sql)
    const { status, found, advice } = checkRoles(server, [])
    if (server.roles[check].isTaken) {
      const limited = loginLimit(check, server, gateways)
      return limited ?? { status, found, check, ...(advice && { advice }) }
    }
    const { name } = server.login
    return problem(
      check,
      `${name} may not take the role ${roleNames[check]}`,
      `An administrator has to run:\ngrant ${roleNames[check]} to "${name}";`,
    )
  } catch (error) {
    return problem(check, 'cannot be reached', explainError(error))
  } finally {
    await sql.end({ timeout: 1 })
  }
}

function version({ version }: Server): Finding {
  const printed = `${Math.floor(version / 10_000)}.${version % 10_000}`
  if (version >= 150_000) return ok('version', printed)
  return problem('version', printed, 'Upgrade to PostgreSQL 15 or newer.')
}

function durability({ settings }: Server): Finding[] {
  const commit = settings.synchronous_commit
  const standbys = settings.synchronous_standby_names
  return [
    settings.fsync === 'on'
      ? ok('fsync', 'on')
      : problem(
          'fsync',
          settings.fsync,
          'Set fsync = on and restart: a crash of the machine would lose charges, or the database.',
        ),
    settings.full_page_writes === 'on'
      ? ok('full_page_writes', 'on')
      : problem(
          'full_page_writes',
          settings.full_page_writes,
          'Set full_page_writes = on, unless the file system never tears a page: a crash could spoil the log.',
        ),
    commit === 'off'
      ? problem(
          'synchronous_commit',
          commit,
          'Set synchronous_commit = on: a crash would lose charges of calls whose responses were delivered.',
        )
      : standbys !== '' && commit === 'local'
        ? problem(
            'synchronous_commit',
            `${commit}, with standbys ${standbys}`,
            'Set synchronous_commit = on: a commit does not wait for the standbys, so losing this machine loses charges.',
          )
        : standbys !== '' && commit === 'remote_write'
          ? warning(
              'synchronous_commit',
              `${commit}, with standbys ${standbys}`,
              'Set synchronous_commit = on: a commit does not wait for the disk of a standby, so losing power at both loses charges.',
            )
          : ok(
              'synchronous_commit',
              standbys === '' ? `${commit}, no standby` : `${commit}, ${standbys}`,
            ),
  ]
}

function upkeep({ settings, standby }: Server): Finding[] {
  const isolation = settings.default_transaction_isolation
  return [
    ...(standby
      ? [
          problem(
            'primary',
            'a standby',
            'Let DATABASE_URL name the primary: nothing can be written here.',
          ),
        ]
      : []),
    settings.autovacuum === 'on'
      ? ok('autovacuum', 'on')
      : problem(
          'autovacuum',
          settings.autovacuum,
          'Set autovacuum = on: balances are rewritten with every call, and would slow down within hours.',
        ),
    isolation === 'read committed'
      ? ok('isolation', isolation)
      : problem(
          'isolation',
          isolation,
          "Set default_transaction_isolation = 'read committed': an append must see, once it has the lock, what the append before it wrote.",
        ),
  ]
}

/** Tokens and logs use this machine's clock; the ledger uses PostgreSQL's. */
function clock(offsetMs: number): Finding {
  const seconds = offsetMs / 1_000
  const found = `PostgreSQL's is ${Math.abs(seconds).toFixed(1)} s ${seconds < 0 ? 'behind' : 'ahead of'} this machine's`
  if (Math.abs(seconds) < 2) return ok('clock', found)
  const advice =
    'Let both follow NTP: periods and expiries use the clock of PostgreSQL, tokens that of this machine.'
  return Math.abs(seconds) < 60 ? warning('clock', found, advice) : problem('clock', found, advice)
}
