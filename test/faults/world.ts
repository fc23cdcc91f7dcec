/**
 * Everything a fault happens to: a ledger in a database of its own, upstreams, two gateways with a third standing
 * by, accounts of several kinds, and the records that clients and upstreams keep.
 */
import { readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import type postgres from 'postgres'
import connectToServer from 'postgres'
import { migrate } from '../../src/ledger/migrate/migrate.ts'
import { roleNames } from '../../src/ledger/roles.ts'
import { joinAppend } from '../../src/ledger/sql/append/join-append.ts'
import {
  type Ledger,
  openLedgerAt,
  type TestAccount,
  type TestKey,
} from '../support/test-ledger.ts'
import { until } from '../support/until.ts'
import { type Auditor, openAuditor } from './audit.ts'
import type { Bug } from './bugs.ts'
import { type Edit, edited } from './edits.ts'
import { type Fleet, startFleet } from './gateways.ts'
import type { ClientCall } from './records.ts'
import type { Servers } from './servers.ts'
import { tariff } from './settings.ts'
import { type FaultUpstream, startFaultUpstream } from './upstream.ts'

export interface World {
  readonly servers: Servers
  /** Connected past the lines, as the owner, and as gateways are. */
  readonly ledger: Ledger
  readonly clock: Clock
  readonly upstream: FaultUpstream
  readonly fleet: Fleet
  readonly cast: Cast
  /** What clients keep of their calls, in the order in which they began. */
  readonly calls: ClientCall[]
  /** Tries again what clients do not know the end of. */
  readonly unfinished: (() => Promise<unknown>)[]
  /** When customers learned of refunds of what did not arrive, by request id. */
  readonly refundedAtMs: Map<string, number>
  readonly auditor: Auditor
  /** Name of the database. */
  readonly database: string
  /** Ends gateways and upstreams; the database stays for as long as its server. */
  close(): Promise<void>
}

/** The ledger's clock: the real one, and what it was moved by. */
export interface Clock {
  readonly shiftMs: number
  move(ms: number): Promise<void>
}

/** Who calls. Some are replaced by fresh ones now and then, so that their credits and limits matter again. */
export interface Cast {
  /** More credits than can be used. */
  readonly wide: readonly TestKey[]
  /** Of a wide account; its calls come many at once. */
  readonly busy: TestKey
  /** Of a wide account, with a monthly cap that is soon reached. */
  readonly capped: TestKey
  /** An account whose credits are soon used up. */
  readonly tight: TestKey
  /** An account whose rate limit is soon reached. */
  readonly narrow: TestKey
  /** A wide account's, to be disabled, enabled and revoked. */
  readonly changing: TestKey
  refresh(): Promise<void>
}

let worlds = 0

/** The parts of append_v1 that a bug changes. */
function editedParts(edits: readonly Edit[]): Record<string, string> {
  const byFile = [...Map.groupBy(edits, ({ file }) => file)]
  return Object.fromEntries(
    byFile.map(([file, ofFile]) => [
      basename(file, '.sql'),
      ofFile.reduce(edited, readFileSync(join(root, file), 'utf8')),
    ]),
  )
}

export async function openWorld(servers: Servers, seed: number, bug?: Bug): Promise<World> {
  const database = `faults_${process.pid}_${++worlds}`
  const admin = connectToServer(servers.postgres.url, { max: 1, onnotice: () => {} })
  await admin`create database ${admin(database)} template ${admin(await templateOn(servers, admin))}`
  const url = at(servers.postgres.url, database)
  const login = await serveAs(admin, servers.postgres.url)
  await admin.end()
  const ledger = await openLedgerAt(url, { tariff, now: new Date(), drop: async () => {} })
  if (bug?.sql) await ledger.owner.unsafe(joinAppend(editedParts(bug.sql)))
  const upstream = startFaultUpstream(seed)
  const fleet = await startFleet({
    databaseUrl: at(login, database),
    redisUrl: servers.redis.url,
    upstreamUrl: upstream.url,
    edits: bug?.source ?? [],
  })
  return {
    ...{ servers, ledger, upstream, fleet, database },
    clock: openClock(ledger),
    cast: await assemble(ledger),
    calls: [],
    unfinished: [],
    refundedAtMs: new Map(),
    auditor: openAuditor(),
    async close() {
      await fleet.stop()
      await upstream.stop()
      await ledger.close()
    },
  }
}

const templates = new WeakMap<Servers, Promise<string>>()

/** A migrated database, of which every world's is a copy. */
function templateOn(servers: Servers, admin: postgres.Sql): Promise<string> {
  const make = async () => {
    await admin`create database faults_template template template0`
    await migrate({ url: at(servers.postgres.url, 'faults_template') })
    return 'faults_template'
  }
  const template = templates.get(servers) ?? make()
  templates.set(servers, template)
  return template
}

const root = join(import.meta.dir, '../..')

/** Gateways serve both planes, and log in as a member of the roles for that. Returns the server's URL with their login. */
export async function serveAs(admin: postgres.Sql, serverUrl: string): Promise<string> {
  const url = new URL(serverUrl)
  const [found] = await admin`select 1 from pg_roles where rolname = 'gateway'`
  if (!found) {
    await admin.unsafe(
      `create role gateway login password '${url.password}' in role ${roleNames.calls}, ${roleNames.management}, ${roleNames.portal}`,
    )
  }
  url.username = 'gateway'
  return url.href
}

function at(serverUrl: string, database: string): string {
  const url = new URL(serverUrl)
  url.pathname = `/${database}`
  return url.href
}

function openClock(ledger: Ledger): Clock {
  let shiftMs = 0
  return {
    get shiftMs() {
      return shiftMs
    },
    async move(ms) {
      shiftMs += ms
      await ledger.owner.unsafe(`create or replace function ledger_now() returns timestamptz
        language sql volatile as $$ select clock_timestamp() + interval '${shiftMs} ms' $$`)
    },
  }
}

async function assemble(ledger: Ledger): Promise<Cast> {
  const keyOn = async (plan: string, options?: Parameters<Ledger['key']>[1]) =>
    ledger.key(await ledger.account({ plan }), options)
  const wideAccounts: readonly TestAccount[] = [
    await ledger.account({ plan: 'wide' }),
    await ledger.account({ plan: 'wide' }),
  ]
  const cast = {
    wide: await Promise.all(wideAccounts.map((account) => ledger.key(account))),
    busy: await keyOn('wide'),
  } as unknown as { -readonly [name in keyof Cast]: Cast[name] }
  cast.refresh = async () => {
    const [first, second] = wideAccounts as [TestAccount, TestAccount]
    cast.capped = await ledger.key(first, { monthlyCap: 40 })
    cast.changing = await ledger.key(second)
    cast.tight = await keyOn('tight')
    cast.narrow = await keyOn('narrow')
  }
  await cast.refresh()
  return cast
}

/** Number of open holds. */
export async function openHolds({ ledger }: World): Promise<number> {
  const [row] = await ledger.sql<[{ open: number }]>`select count(*) as open from open_holds`
  return row.open
}

/** Resolves when the ledger responds to the harness itself. */
export async function untilLedgerResponds({ ledger }: World, withinMs = 30_000): Promise<void> {
  await until(
    () =>
      ledger.sql`select 1`.then(
        () => true,
        () => false,
      ),
    withinMs,
  )
}
