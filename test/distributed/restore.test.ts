/**
 * A ledger that sells is restored to a moment by pgBackRest, with the files of deploy/: gateways that have seen more stop, what was
 * charged after the moment is listed, the loss is accepted, and gateways sell again. Then deploy/restore-drill on what was archived, rightly
 * and on what is damaged.
 *
 * TOLLBOOK_RESTORE_EVENTS: how many events the ledger has before (10,000).
 */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { cpSync, existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import postgres from 'postgres'
import { seedLog } from '../../bench/seed-log.ts'
import {
  type ArchivedPostgres,
  hasPgBackRest,
  openRepository,
  type Ran,
  type Repository,
} from '../support/archived-postgres.ts'
import { runCli, runJson } from '../support/cli.ts'
import { jwtSecret } from '../support/running-gateway.ts'
import { type ServeProcess, startServe } from '../support/serve-process.ts'
import { until } from '../support/until.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'

const seeded = Number(process.env.TOLLBOOK_RESTORE_EVENTS ?? 10_000)
const root = join(import.meta.dir, '../..')
/** The machine may be busy, and the ledger large. */
const timeoutMs = 180_000 + seeded
const waitMs = 60_000

describe.skipIf(!hasPgBackRest)('a ledger that pgBackRest restores', () => {
  let repository: Repository
  let upstream: Upstream
  let gateway: ServeProcess
  let key: string
  let server: ArchivedPostgres
  /** Request ids of calls that were served before the moment, and after it. */
  const calls = { kept: [] as string[], lost: [] as string[] }
  /** What a gateway had seen of the log when its ledger was lost. */
  let seenFile: string
  let markFile: string

  beforeAll(async () => {
    repository = openRepository()
    seenFile = join(repository.folder, 'seen.json')
    markFile = join(repository.folder, 'mark.json')
    upstream = startUpstream()
    upstream.respond(() => Response.json({ results: [] }))
    server = await repository.makeServer('primary')
    await repository.pgbackrest(server.dataDir, 'stanza-create')
    await seedLog(server.url, { events: seeded, keys: 200 })
    await runJson(['replay'], { database: server.url })
    const created = await runJson(['keys', 'create', '--user', 'anna'], { database: server.url })
    key = created.key
    // Of a plan that may call more often.
    await runJson(['accounts', 'plan', created.accountId, 'enterprise'], { database: server.url })
    await repository.pgbackrest(server.dataDir, '--type=full', 'backup')
    const { url } = upstream
    gateway = await startServe(
      {
        ...{ DATABASE_URL: server.url, JWT_SECRET: jwtSecret, CONSOLE_PORT: 'off' },
        ...{ SEARCH_SERVICE_URL: url, STT_SERVICE_URL: url, TTS_SERVICE_URL: url },
      },
      { args: ['--state', seenFile] },
    )
  }, timeoutMs)
  afterAll(async () => {
    await gateway?.stop()
    await repository?.close()
    await upstream?.stop()
  })

  const call = () =>
    fetch(`${gateway.url}/v1/search`, {
      ...{ method: 'POST', body: JSON.stringify({ query: 'q' }) },
      headers: { 'content-type': 'application/json', 'x-api-key': key },
    })

  /** @returns the request ids of calls that were served and charged */
  async function sell(count: number): Promise<string[]> {
    const ids: string[] = []
    for (let i = 0; i < count; i++) {
      const response = await call()
      expect([response.status, await response.text()]).toEqual([200, expect.anything()])
      expect(response.headers.get('x-credits-charged')).toBe('1')
      ids.push(response.headers.get('x-request-id') ?? '')
    }
    return ids
  }

  async function query<T>(text: string): Promise<T> {
    const sql = postgres(server.url, { max: 1, onnotice: () => {} })
    try {
      const [row] = await sql.unsafe(text)
      return row as T
    } finally {
      await sql.end({ timeout: 5 })
    }
  }

  /** Ends the segment that is being written, and waits until it is archived. @returns its name */
  async function archiveSegment(): Promise<string> {
    const { segment } = await query<{ segment: string }>(
      'select pg_walfile_name(pg_switch_wal()) as segment',
    )
    await until(async () => {
      const { last } = await query<{ last: string | null }>(
        'select last_archived_wal as last from pg_stat_archiver',
      )
      return last !== null && last >= segment
    }, waitMs)
    return segment
  }

  async function missing(): Promise<string> {
    const response = await fetch(`${gateway.url}/ready`)
    const { missing } = (await response.json()) as { missing?: { ledger?: string } }
    return missing?.ledger ?? ''
  }

  const drill = (...args: readonly string[]) => drillWith({}, ...args)

  async function drillWith(
    more: Readonly<Record<string, string>>,
    ...args: readonly string[]
  ): Promise<Ran> {
    const child = Bun.spawn(
      [
        ...['sh', join(root, 'deploy/restore-drill')],
        ...['--scratch', join(repository.folder, 'scratch'), ...args],
      ],
      {
        cwd: root,
        env: {
          ...repository.env,
          TOLLBOOK: `${process.execPath} ${join(root, 'src/cli/main.ts')}`,
          // A drill that used the paths of the server that archives, or connected as the environment says, would fail.
          ...{ PGBACKREST_SPOOL_PATH: '/dev/null', PGBACKREST_LOCK_PATH: '/dev/null' },
          ...{ PGHOSTADDR: '127.0.0.1', PGOPTIONS: '-c no_such_setting=on' },
          ...more,
        },
        ...{ stdin: 'ignore', stdout: 'pipe', stderr: 'pipe' },
      },
    )
    const read = (stream: ReadableStream) => new Response(stream).text()
    const [out, err] = await Promise.all([read(child.stdout), read(child.stderr)])
    expect(readdirSync(join(repository.folder, 'scratch'))).toEqual([])
    return { status: await child.exited, said: out + err }
  }

  /** The figures that a drill has left for Prometheus. */
  function metricsIn(file: string): Record<string, number> {
    const samples = readFileSync(file, 'utf8').matchAll(/^tollbook_restore_drill_(\w+) (\S+)$/gm)
    return Object.fromEntries([...samples].map(([, name, value]) => [name, Number(value)]))
  }

  /** The archived file of a segment. */
  function archived(segment: string): string {
    const folder = join(repository.folder, 'repository/archive/tollbook/15-1', segment.slice(0, 16))
    const file = readdirSync(folder).find((name) => name.startsWith(segment))
    if (file === undefined) throw new Error(`${segment} is not archived`)
    return join(folder, file)
  }

  test(
    'is restored to a moment: gateways stop, what is lost is listed, and after the loss is accepted they sell',
    async () => {
      calls.kept = await sell(20)
      const { moment } = await query<{ moment: string }>('select clock_timestamp()::text as moment')
      calls.lost = await sell(10)
      await runJson(['keys', 'create', '--user', 'ben'], { database: server.url })
      await archiveSegment()
      calls.lost.push(...(await sell(5)))
      const before = server
      await before.stop('immediate')

      const restored = await repository.restore(
        'moment',
        '--type=time',
        `--target=${moment}`,
        '--target-action=promote',
      )
      // From here on a segment is archived only when a test says so.
      server = await repository.start(restored, before.port, { archive_timeout: '0' })
      await until(async () => (await missing()).includes('accepts the loss'), waitMs)
      expect((await call()).status).toBe(503)

      // Everything that the old server wrote: the archive, and what had not been archived.
      const whole = await repository.restore(
        'whole',
        '--target-timeline=current',
        '--archive-mode=off',
      )
      const wal = [`${before.dataDir}/pg_wal/.`, `${whole}/pg_wal`]
      expect(await repository.run(['cp', '-r', ...wal])).toMatchObject({ status: 0 })
      const copy = await repository.start(whole)
      const lost = await runJson(['report', 'lost', '--copy', copy.url, '--lines'], {
        database: server.url,
      })
      expect(lost.charges.map(({ requestId }: { requestId: string }) => requestId)).toEqual(
        calls.lost,
      )
      expect(lost.accounts).toMatchObject([{ charges: 15, credits: 15, refunded: 0 }])
      expect(lost.decided.map(({ type }: { type: string }) => type)).toContain('KeyIssued')

      // Without that server, what gateways have seen bounds what is lost. The mark is the old ledger's until the loss is accepted.
      const ends = Number(lost.ranges[0].upTo.split('-')[1])
      await until(
        () => JSON.parse(readFileSync(seenFile, 'utf8')).shards[0].position >= ends - 1,
        waitMs,
      )
      cpSync(seenFile, markFile)
      const early = await runCli(['verify', '--mark', markFile], { database: server.url })
      expect(early.status).toBe(1)
      expect(early.stdout).toMatch(/it has seen 0-\d+ of epoch 1, and the log ends at 0-\d+/)

      await runCli(['restore', '--accept-loss', '--reason', 'a drill'], { database: server.url })
      await until(async () => (await missing()) === '', waitMs)
      calls.kept.push(...(await sell(5)))
      const verified = await runCli(['verify', '--mark', markFile], { database: server.url })
      expect([verified.status, verified.stdout]).toEqual([
        0,
        expect.stringMatching(
          new RegExp(`; ${lost.ranges[0].from} to 0-\\d+ were lost, which the owner accepted`),
        ),
      ])
      // The list can still be had afterwards.
      const again = await runJson(['report', 'lost', '--copy', copy.url], { database: server.url })
      expect(again.ranges).toEqual(lost.ranges)
      await copy.stop('fast')

      const charged = await query<{ ids: string[] }>(
        `select array_agg(request_id order by position) as ids from tollbook.events
         where type = 'HoldSettled' and instance <> 'seed'`,
      )
      expect(charged.ids).toEqual(calls.kept)
    },
    timeoutMs,
  )

  test(
    'a drill says that the newest backup is sound, and how old its newest event is',
    async () => {
      await repository.pgbackrest(server.dataDir, '--type=full', 'backup')
      await sell(3)
      // A gateway may append by itself: what is there now is archived, and what came later may be.
      const position = 'select position::int from tollbook.heads'
      const least = await query<{ position: number }>(position)
      await archiveSegment()
      const metrics = join(repository.folder, 'drill.prom')
      const { status, said } = await drill('--metrics', metrics, '--mark', markFile)
      expect([status, said]).toEqual([
        0,
        expect.stringMatching(/are a sound ledger: \d+ events, the newest \d+ s before/),
      ])
      const most = await query<{ position: number }>(position)
      const found = metricsIn(metrics)
      expect(found.sound).toBe(1)
      expect(found.events).toBeWithin(least.position, most.position + 1)
      expect(found.last_sound_timestamp_seconds).toBe(found.last_run_timestamp_seconds as number)
      const age = found.newest_event_age_seconds as number
      expect(age).toBeWithin(0, timeoutMs / 1_000)
    },
    timeoutMs,
  )

  test(
    'a drill names what a gateway has seen and was not archived',
    async () => {
      const ends = await query<{ position: number }>('select position::int from tollbook.heads')
      await sell(3)
      const seen = () => JSON.parse(readFileSync(seenFile, 'utf8')).shards[0].position
      await until(() => seen() > ends.position, waitMs)
      const newer = join(repository.folder, 'newer.json')
      cpSync(seenFile, newer)
      const { status, said } = await drill('--mark', newer)
      expect([status, said]).toEqual([
        1,
        expect.stringMatching(/it has seen 0-\d+ of epoch 2, and the log ends at 0-\d+/),
      ])
    },
    timeoutMs,
  )

  test(
    'where a segment of the archive is missing, a drill and a restore to a later moment name it',
    async () => {
      await sell(3)
      const gap = await archiveSegment()
      await sell(3)
      await archiveSegment()
      const { moment } = await query<{ moment: string }>('select clock_timestamp()::text as moment')
      await sell(3)
      await archiveSegment()
      const file = archived(gap)
      renameSync(file, `${file}.away`)
      try {
        const metrics = join(repository.folder, 'drill.prom')
        const before = metricsIn(metrics)
        const { status, said } = await drill('--metrics', metrics)
        expect([status, said]).toEqual([
          1,
          expect.stringMatching(/replaying ended in [0-9A-F]{24}, so the next segment is missing/),
        ])
        const after = metricsIn(metrics)
        expect(after.sound).toBe(0)
        expect(after.last_sound_timestamp_seconds).toBe(
          before.last_sound_timestamp_seconds as number,
        )

        const late = await repository.restore(
          'late',
          '--type=time',
          `--target=${moment}`,
          '--target-action=promote',
          '--archive-mode=off',
        )
        await expect(repository.start(late)).rejects.toThrow(
          'recovery ended before configured recovery target was reached',
        )
      } finally {
        renameSync(`${file}.away`, file)
      }
    },
    timeoutMs,
  )

  test(
    'where the last segment of the archive is damaged, a drill names it',
    async () => {
      await sell(3)
      const file = archived(await archiveSegment())
      renameSync(file, `${file}.away`)
      writeFileSync(file, 'damaged')
      try {
        const { status, said } = await drill()
        expect([status, said]).toEqual([
          1,
          expect.stringMatching(/replaying ended in [0-9A-F]{24}, so the next segment is missing/),
        ])
      } finally {
        renameSync(`${file}.away`, file)
      }
    },
    timeoutMs,
  )

  test('a drill that could not begin is written to the metrics, and no drill has been sound', async () => {
    const metrics = join(repository.folder, 'first.prom')
    const { status } = await drill('--metrics', metrics, '--hlep')
    expect(status).toBe(1)
    expect(metricsIn(metrics)).toEqual({
      ...{ sound: 0, last_sound_timestamp_seconds: 0 },
      last_run_timestamp_seconds: expect.any(Number),
    })
  })

  test('while one drill runs, another one says so and leaves its metrics alone', async () => {
    const words = ['flock', join(repository.folder, 'scratch'), 'sh', '-c', 'echo held; cat']
    const running = Bun.spawn(words, { stdin: 'pipe', stdout: 'pipe' })
    try {
      const { value } = await running.stdout.getReader().read()
      expect(new TextDecoder().decode(value)).toBe('held\n')
      const metrics = join(repository.folder, 'second.prom')
      const { status, said } = await drill('--metrics', metrics)
      expect([status, said]).toEqual([1, expect.stringContaining('another drill runs in')])
      expect(existsSync(metrics)).toBe(false)
    } finally {
      await running.stdin.end()
      await running.exited
    }
  })

  test('a drill without the program that verifies, or where that ends early, says so', async () => {
    const none = await drillWith({ TOLLBOOK: 'no-such-program --quiet' })
    expect(none).toEqual({
      status: 1,
      said: expect.stringContaining('there is no program no-such-program'),
    })
    const ended = await drillWith({ TOLLBOOK: 'env --no-such-option' })
    expect([ended.status, ended.said]).toEqual([
      1,
      expect.stringContaining('tollbook verify ended with status 125'),
    ])
  })

  test.each([
    [['--help'], 0, 'restore-drill: restores the newest'],
    [['--hlep'], 1, 'there is no option --hlep'],
    [['--stanza'], 1, '--stanza needs a value'],
    [['--stanza', 'other'], 1, 'the stanza other has no backup'],
    [['--database', 'other'], 1, 'has no database other'],
    [['--metrics', '/nowhere/drill.prom'], 1, 'there is no folder for /nowhere/drill.prom'],
    [['--scratch', '/nowhere'], 1, 'there is no folder /nowhere'],
    [['--scratch', '/var/my scratch'], 1, "'/var/my scratch': --scratch, --database and --login"],
    [['--database', "o'brien"], 1, "'o'brien': --scratch, --database and --login"],
    [['--login', 'a b'], 1, "'a b': --scratch, --database and --login"],
  ])('restore-drill %p says what is wrong', async (args, status, sentence) => {
    expect(await drill(...args)).toEqual({ status, said: expect.stringContaining(sentence) })
  })

  test(
    'an event that somebody has changed is named, and a damaged backup is not restored',
    async () => {
      const { position } = await query<{ position: number }>(
        `with changed as (
           select position from tollbook.events where type = 'HoldSettled' and instance = 'seed' limit 1
         ) select position::int from changed`,
      )
      await query(`begin; set session_replication_role = replica;
        update tollbook.events set credits = credits + 1 where position = ${position}; commit`)
      await archiveSegment()
      const changed = await drill()
      expect([changed.status, changed.said]).toEqual([
        1,
        expect.stringContaining(`0-${position}: `),
      ])
      expect(changed.said).toContain('is not what its log says')

      const backups = join(repository.folder, 'repository/backup/tollbook')
      const newest =
        readdirSync(backups)
          .filter((name) => /^\d.*F$/.test(name))
          .toSorted()
          .at(-1) ?? ''
      const table =
        readdirSync(join(backups, newest, 'pg_data/base'), { recursive: true, encoding: 'utf8' })
          .map((name) => join(backups, newest, 'pg_data/base', name))
          .find((name) => name.endsWith('.zst')) ?? ''
      expect(existsSync(table)).toBe(true)
      writeFileSync(table, 'damaged')
      const damaged = await drill()
      expect([damaged.status, damaged.said]).toEqual([
        1,
        expect.stringContaining('cannot be restored; pgbackrest says why above'),
      ])
    },
    timeoutMs,
  )
})
