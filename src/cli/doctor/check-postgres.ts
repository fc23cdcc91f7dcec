/** Checks PostgreSQL: whether it can lose a committed charge, and whether a gateway can work on it. */
import { connect, defaultSchema, type Sql } from '../../ledger/connect.ts'
import { printHosts } from '../../ledger/connection/database-address.ts'
import { parseDatabaseUrl } from '../../ledger/connection/parse-database-url.ts'
import { readMissingRights } from '../../ledger/migrate/owner-rights.ts'
import { readServer, type Server } from '../../ledger/read/read-server.ts'
import { explainError } from '../explain-error.ts'
import { type Finding, ok, problem, warning } from './finding.ts'

export async function checkPostgres(url: string, connectionsNeeded: number): Promise<Finding[]> {
  let sql: Sql | undefined
  try {
    sql = connect({ url, as: 'owner', max: 1 })
    await sql`select` // connects first, so that the time of connecting does not count as a difference of clocks
    const askedAtMs = Date.now()
    const server = await readServer(sql)
    const clockOffsetMs = server.timeMs - (askedAtMs + Date.now()) / 2
    return [
      ok('postgres', `${printHosts(parseDatabaseUrl(url))}, as ${server.login.name}`),
      version(server),
      ...durability(server),
      ...upkeep(server),
      connections(server, connectionsNeeded),
      ...roles(server, await readMissingRights(sql, defaultSchema)),
      clock(clockOffsetMs),
    ]
  } catch (error) {
    return [problem('postgres', 'cannot be reached', explainError(error))]
  } finally {
    await sql?.end({ timeout: 1 })
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
        ? warning(
            'synchronous_commit',
            `${commit}, with standbys ${standbys}`,
            'Set synchronous_commit = on: a commit does not wait for the standbys, so losing this machine loses charges.',
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

function connections({ settings, connections }: Server, needed: number): Finding {
  const max = Number(settings.max_connections)
  const reserved = Number(settings.superuser_reserved_connections)
  const found = `${max}, ${connections} in use; the gateways take ${needed}`
  if (needed > max - reserved) {
    return problem(
      'max_connections',
      found,
      `Set max_connections to ${needed + reserved + 20} or more.`,
    )
  }
  return ok('max_connections', found)
}

/** @param missing what an administrator has to run before this login can migrate */
function roles({ login, servingRole, database }: Server, missing: readonly string[]): Finding[] {
  if (!servingRole.exists) {
    return [
      problem(
        'roles',
        'no serving role',
        missing.length > 0
          ? `An administrator has to run:\n${missing.join('\n')}\nThen run "tollbook migrate" as the owner.`
          : 'Run "tollbook migrate" as the owner: it makes the role.',
      ),
    ]
  }
  if (!login.serves) {
    return [
      problem(
        'roles',
        `${login.name} may not take the role tollbook_gateway`,
        `An administrator has to run:\ngrant tollbook_gateway to "${login.name}";`,
      ),
    ]
  }
  if (servingRole.writesLog) {
    return [
      problem(
        'roles',
        'tollbook_gateway may write the log directly',
        'Run "tollbook migrate": it takes away what the role should not have.',
      ),
    ]
  }
  if (!servingRole.makesTemporaryTables) {
    return [
      warning(
        'roles',
        'tollbook_gateway may not make temporary tables, as "verify" does',
        `An administrator has to run:\ngrant temporary on database "${database}" to tollbook_gateway;`,
      ),
    ]
  }
  if (!login.superuser) return [ok('roles', `${login.name} serves as tollbook_gateway`)]
  return [
    warning(
      'roles',
      `${login.name} is a superuser`,
      'Let "serve" log in as a user that only has the role tollbook_gateway, and keep the owner for "migrate".',
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
