/** Verifying finds whatever was changed behind the ledger's back, and says where. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { projections } from '../../projections/index.ts'
import type { Sql } from '../../src/ledger/connect.ts'
import { tablesOf } from '../../src/projector/projection-tables.ts'
import { addUpWhereDoubled } from '../../src/projector/verify/collected-table.ts'
import {
  type ComparedProjections,
  closeComparedProjections,
  compareProjections,
  groupProjections,
  openComparedProjections,
  type ProjectionVerification,
} from '../../src/projector/verify/compare-projection.ts'
import { creditRules } from '../../src/projector/verify/credit-rules.ts'
import { type LogVerification, openLogCheck } from '../../src/projector/verify/log-check.ts'
import { orderRules } from '../../src/projector/verify/order-rules.ts'
import { openVerifier } from '../../src/projector/verify/verifier.ts'
import { runCli, startCli } from '../support/cli.ts'
import { putShippedClock, withShippedClock } from '../support/shipped-clock.ts'
import { type Ledger, openLedger, type TestKey } from '../support/test-ledger.ts'
import { until } from '../support/until.ts'
import { openTriggerless, openVandal } from '../support/vandal.ts'
import { fillVariedLedger } from '../support/varied-ledger.ts'

let ledger: Ledger
let vandal: Sql
beforeAll(async () => {
  ledger = await openLedger()
  await fillVariedLedger(ledger)
  vandal = await openVandal(ledger.url)
})
afterAll(async () => {
  await vandal?.end()
  await ledger?.close()
})

async function checkLog(): Promise<LogVerification> {
  const options = { url: ledger.url, shard: 0, maxDescribed: 100 }
  const check = await openLogCheck('log', [orderRules(), creditRules()], options)
  try {
    return await check.advance()
  } finally {
    await check.close()
  }
}

/** Runs work that damages a table, and puts the table back as it was. */
async function whileDamaged(
  table: string,
  work: () => Promise<void>,
  by: Sql = vandal,
): Promise<void> {
  await by.unsafe(`create table saved_${table} as table ${table}`)
  try {
    await work()
  } finally {
    await by.unsafe(
      `delete from ${table}; insert into ${table} table saved_${table}; drop table saved_${table}`,
    )
  }
}

interface Column {
  readonly table: string
  readonly column: string
  readonly type: string
}

async function columnsOf(tables: readonly string[]): Promise<Column[]> {
  return vandal<Column[]>`
    select c.relname as "table", a.attname as "column", format_type(a.atttypid, null) as type
    from pg_attribute a join pg_class c on c.oid = a.attrelid
    where c.relname = any(${[...tables]}) and c.relnamespace = 'tollbook'::regnamespace and a.attnum > 0
      and not a.attisdropped
    order by c.relname, a.attnum`
}

/** Another value than a column has, by its type. */
const otherwise: Readonly<Record<string, (column: string) => string>> = {
  text: (c) => `coalesce(${c}, '') || 'x'`,
  smallint: (c) => `coalesce(${c}, 0) + 1000`,
  integer: (c) => `coalesce(${c}, 0) + 1000`,
  bigint: (c) => `coalesce(${c}, 0) + 1000`,
  numeric: (c) => `${c} + 1000`,
  'bigint[]': (c) => `coalesce(${c}, '{}') || 7::bigint`,
  'integer[]': (c) => `${c} || 7`,
  'numeric[]': (c) => `coalesce(${c}, '{}') || 7::numeric`,
  'text[]': (c) => `coalesce(${c}, '{}') || 'x'::text`,
  boolean: (c) => `not ${c}`,
  date: (c) => `coalesce(${c}, '2030-01-01'::date) + 1000`,
  'timestamp with time zone[]': (c) => `${c} || now()`,
  'timestamp with time zone': (c) =>
    `case when ${c} is null or ${c} = 'infinity' then '2030-01-01' else ${c} + interval '1 microsecond' end`,
  jsonb: (c) => `coalesce(${c}, '{}') || '["x"]'`,
  json: (c) => `(left(${c}::text, -1) || ' ' || right(${c}::text, 1))::json`,
  bytea: (c) => `coalesce(${c}, '') || '\\x00'`,
}

/** Modes are checked by the log's own constraint. */
const otherMode = `case mode when 'live' then 'test' else 'live' end`

test('a sound ledger is sound', async () => {
  const verifier = await openVerifier({ url: ledger.url, maxDescribed: 10 })
  const verification = await withShippedClock(ledger, () => verifier.run())
  await verifier.close()
  // What the vandal has dropped already is named.
  expect(verification.schema.faults.map(({ fault }) => fault)).toEqual(
    Array(3).fill('it is missing'),
  )
  expect(verification.tables).toEqual({ faulty: 0, faults: [] })
  expect(verification.log).toEqual([{ shard: 0, upTo: await ledger.size(), faulty: 0, faults: [] }])
  expect(verification.projections.map(({ projection }) => projection)).toEqual(
    projections.map(({ name }) => name),
  )
  for (const { rows, differing } of verification.projections) {
    expect(rows).toBeGreaterThan(0)
    expect(differing).toBe(0)
  }
})

describe.each(projections)('$name', (projection) => {
  const tables = tablesOf(projection)
  // The log stays as it is. It is applied once, and the tables are compared with it again and again.
  let compared: ComparedProjections
  const group = groupProjections(projections).find((each) => each.includes(projection)) ?? []
  const verify = async () => {
    const found = await compareProjections(compared)
    return found[group.indexOf(projection)] as ProjectionVerification
  }
  afterAll(() => compared && closeComparedProjections(compared))
  beforeAll(async () => {
    // In slices of a few rows, as long tables are compared in slices of many.
    compared = await openComparedProjections(group, {
      ...{ url: ledger.url, maxRows: 3, maxDescribed: 10 },
    })
    // The tables' checks would refuse some of the damage, so they are dropped first.
    const checks = await vandal<{ table: string; name: string }[]>`
      select conrelid::regclass::text as "table", conname as name from pg_constraint
      where conrelid::regclass::text = any(${tables}) and contype in ('c', 'n')`
    for (const { table, name } of checks) {
      if (!name.endsWith('_not_null'))
        await vandal.unsafe(`alter table ${table} drop constraint "${name}"`)
    }
  })

  test('a change of any column of any row is found', async () => {
    const columns = await columnsOf(tables)
    expect(columns.length).toBeGreaterThan(5)
    for (const { table, column, type } of columns) {
      const value = otherwise[type]?.(column)
      if (!value)
        throw new Error(`${table}.${column} is of a type that this test does not know: ${type}`)
      await whileDamaged(table, async () => {
        const [changed] = await vandal.unsafe(`update ${table} t set ${column} = ${value}
          where ctid = (select ctid from ${table} order by random() limit 1) returning to_jsonb(t) as row`)
        expect(changed, `${table}.${column}`).toBeDefined()
        const { differing, differences } = await verify()
        expect(differing, `${table}.${column}`).toBeGreaterThan(0)
        for (const difference of differences) expect(difference.table).toBe(table)
        const [first] = differences
        const isKey = first?.only !== undefined
        // A row with another key is one too many, and the row it was is missing.
        if (isKey) expect(differences.map(({ only }) => only).sort()).toEqual(['log', 'table'])
        else {
          expect(differences.length).toBe(1)
          expect(Object.keys(first?.columns ?? {})).toEqual([column])
          expect(first?.columns[column]?.table).toEqual(changed?.row[column])
        }
      })
    }
    expect((await verify()).differing).toBe(0)
  })

  test('a row that is missing is found, and one that is too many', async () => {
    for (const table of tables) {
      await whileDamaged(table, async () => {
        await vandal.unsafe(`delete from ${table} where ctid = (select ctid from ${table} limit 1)`)
        const { differing, differences } = await verify()
        expect([differing, differences[0]?.table, differences[0]?.only]).toEqual([1, table, 'log'])
      })
    }
    expect((await verify()).differing).toBe(0)
  })
})

test('rows that were collected are the same when they are added up in between', async () => {
  const collecting = projections.filter(({ apply }) => apply.some(({ adds }) => adds))
  expect(collecting.length).toBeGreaterThan(3)
  let [before, after, parts] = [0, 0, 0]
  for (const projection of collecting) {
    const compared = await openComparedProjections([projection], {
      ...{ url: ledger.url, maxRows: 3, maxDescribed: 10 },
    })
    const { temporary, collected, sizes } = compared
    try {
      const end = await ledger.size()
      const countRows = async ({ adds }: (typeof collected)[number]) => {
        const [row] = await temporary.sql.unsafe(`select count(*) from pg_temp.${adds.table}`)
        return row?.count as number
      }
      for (let upTo = 10; upTo < end; upTo += 10) await temporary.advanceTo(0, upTo)
      for (const table of collected) {
        parts = Math.max(parts, table.parts.length)
        before += await countRows(table)
        await addUpWhereDoubled(temporary, table, sizes, 0)
        after += await countRows(table)
      }
      expect((await compareProjections(compared)).map(({ differences }) => differences)).toEqual([
        [],
      ])
    } finally {
      await temporary.close()
    }
  }
  expect(parts).toBeGreaterThan(1)
  expect(after).toBeLessThan(before)
})

describe('the log', () => {
  test('a change of any column of an event is found at its position', async () => {
    const columns = await columnsOf(['events'])
    expect(columns.length).toBe(26)
    const [{ position }] = await vandal<[{ position: number }]>`
      select position from events where type = 'CreditsHeld' limit 1`
    for (const { column, type } of columns) {
      if (column === 'position' || column === 'shard') continue
      await whileDamaged('events', async () => {
        const value = column === 'mode' ? otherMode : otherwise[type]?.(column)
        await vandal.unsafe(`update events set ${column} = ${value} where position = ${position}`)
        const { faults } = await checkLog()
        const found = faults.filter(({ fault }) => fault.includes('event hash'))
        expect(
          found.map((fault) => fault.position),
          column,
        ).toEqual([position])
      })
    }
    expect((await checkLog()).faults).toEqual([])
  })

  test('an event that is missing is found, the last one too', async () => {
    const last = await ledger.size()
    for (const position of [1, 7, last]) {
      await whileDamaged('events', async () => {
        await vandal`delete from events where position = ${position}`
        const { faults } = await checkLog()
        const gap =
          position === last
            ? 'the log has no such event'
            : `the position before it is ${position - 1}`
        const at = position === last ? last : position + 1
        expect(faults).toContainEqual({ shard: 0, position: at, fault: gap })
      })
    }
  })

  test('an event that was recorded before the one before it is found', async () => {
    await whileDamaged('events', async () => {
      await vandal`update events set recorded_at = recorded_at - interval '1 hour' where position = 9`
      const faults = (await checkLog()).faults.map(({ position, fault }) => [position, fault])
      expect(faults).toContainEqual([9, 'it was recorded before the event before it'])
    })
  })

  /** Appends an event with a right event hash that no append would have written. */
  async function forge(columns: Readonly<Record<string, string>>): Promise<void> {
    const changes = Object.entries(columns).map(([name, value]) => `${name} = ${value}`)
    await vandal.unsafe(`
      create temp table forged as select * from events order by position desc limit 1;
      update forged set position = position + 1, stream_version = null, ${changes.join(', ')};
      update forged set event_hash = hash_event(shard, position, recorded_at, occurred_at, type,
        stream_version, account_id, key_id, mode, request_id, endpoint, tariff, credits, quantity, slots, status,
        latency_ms, lots, held, moved, actor, instance, payload, private, login);
      insert into events table forged;
      update heads set position = (select position from forged);
      drop table forged`)
  }

  /** Faults after forging, with the ledger as it was afterwards. */
  async function faultsAfter(work: () => Promise<unknown>): Promise<string[]> {
    const head = await ledger.size()
    let faults: string[] = []
    await whileDamaged('events', async () => {
      try {
        await work()
        faults = (await checkLog()).faults.map(({ fault }) => fault)
      } finally {
        await vandal`update heads set position = ${head}`
      }
    })
    return faults
  }

  const ofOpenHold = (column: string) =>
    `(select ${column} from open_holds order by position limit 1)`
  const owner = (of: (column: string) => string) => ({
    ...{ account_id: of('account_id'), key_id: of('key_id'), mode: of('mode') },
  })

  test('a lot that is overdrawn is found, though a later grant would make up for it', async () => {
    const [{ lot, free }] = await vandal<[{ lot: number; free: number }]>`
      select lot, granted + refunded - adjusted - settled - held as free from lots order by lot desc limit 1`
    const taken = { type: `'CreditsAdjusted'`, payload: `'{}'`, held: 'null' }
    const faults = await faultsAfter(async () => {
      await forge({
        ...taken,
        lots: `array[${lot}]`,
        moved: `array[${free + 3}]`,
        credits: `${free + 3}`,
      })
      await forge({
        ...{ type: `'ChargeRefunded'`, payload: `'{}'`, held: 'null' },
        ...{ lots: `array[${lot}]`, moved: `array[${free + 3}]`, credits: `${free + 3}` },
      })
    })
    expect(faults).toEqual([`3 credits more than lot ${lot} has are taken from it`])
  })

  test('credits of a lot that was never granted are found', async () => {
    const faults = await faultsAfter(() =>
      forge({
        type: `'ChargeRefunded'`,
        lots: 'array[1]',
        moved: 'array[5]',
        held: 'null',
      }),
    )
    expect(faults).toEqual(['lot 1 was never granted'])
  })

  const resolution = {
    ...{ type: `'HoldReleased'`, payload: `'{}'`, moved: 'null' },
    ...{ request_id: ofOpenHold('hold_id'), lots: ofOpenHold('lots'), ...owner(ofOpenHold) },
    ...{
      tariff: ofOpenHold('tariff'),
      endpoint: ofOpenHold('endpoint'),
      slots: ofOpenHold('slots'),
    },
    occurred_at: ofOpenHold('held_at'),
    held: `(select array_agg(-h) from unnest(${ofOpenHold('held')}) h)`,
    credits: ofOpenHold('credits'),
  }

  test('a hold that is resolved twice is found', async () => {
    const [{ hold_id }] = await vandal<[{ hold_id: string }]>`
      select hold_id from open_holds order by position limit 1`
    const faults = await faultsAfter(async () => {
      await forge(resolution)
      await forge({ ...resolution, type: `'HoldExpired'` })
    })
    expect(faults).toContain(`the hold ${hold_id} is not open`)
  })

  test('a resolution that frees less than was held is found, and a charge of more', async () => {
    const less = {
      ...resolution,
      held: `(select array_agg(1 - h) from unnest(${ofOpenHold('held')}) h)`,
    }
    expect((await faultsAfter(() => forge(less))).join()).toContain('stay held')
    const more = { type: `'HoldSettled'`, credits: `${ofOpenHold('credits')} + 1` }
    const faults = await faultsAfter(() =>
      forge({ ...resolution, ...more, moved: ofOpenHold('held') }),
    )
    expect(faults.join()).toContain('credits are charged, and')
  })

  test('a call on a lease that is not open is found, and so is one that names no lease', async () => {
    const [{ hold_id }] = await vandal<[{ hold_id: string }]>`
      select hold_id from open_holds where slots is not null`
    const [{ ended }] = await vandal<[{ ended: string }]>`
      select request_id as ended from events where type = 'HoldReleased' and slots is not null`
    const ofLease = (column: string) => `(select ${column} from open_holds where slots is not null)`
    const voided = {
      ...{ type: `'HoldReleased'`, lots: 'null', held: 'null', moved: 'null' },
      ...owner(ofLease),
    }
    const on = (lease: string) => ({ ...voided, payload: `'{"lease":"${lease}","reason":"r"}'` })
    expect(await faultsAfter(() => forge(on(hold_id)))).toEqual([])
    expect(await faultsAfter(() => forge(on(ended)))).toEqual([`the hold ${ended} is not open`])
    const nameless = { ...voided, payload: `'{"reason":"r"}'`, request_id: `'nobody'` }
    expect(await faultsAfter(() => forge(nameless))).toEqual(['the hold nobody is not open'])
  })

  test('a debt that is repaid beyond what is owed is found', async () => {
    const faults = await faultsAfter(() =>
      forge({
        ...{
          type: `'CreditsAdjusted'`,
          payload: `'{"repaysDebt":true}'`,
          credits: '1000',
        },
        ...{ lots: 'null', held: 'null', moved: 'null' },
      }),
    )
    expect(faults.join()).toContain('credits more than are owed are repaid')
  })
})

describe('the command', () => {
  let ledger: Ledger
  let key: TestKey
  let vandal: Sql
  beforeAll(async () => {
    ledger = await openLedger()
    key = await fillVariedLedger(ledger)
    vandal = await openTriggerless(ledger.url)
    await putShippedClock(ledger.owner)
  })
  afterAll(async () => {
    await vandal?.end()
    await ledger?.close()
  })

  test('goes on when the log is so damaged that a projection cannot be made from it', async () => {
    await whileDamaged(
      'events',
      async () => {
        await vandal`update events set credits = null where type = 'CreditsGranted'`
        const { status, stdout } = await runCli(['verify'], { database: ledger.url })
        expect(status).toBe(1)
        expect(stdout).toMatch(/^0-\d+: its event hash is not that of its fields$/m)
        expect(stdout).toContain(
          'balances: cannot be made from this log: null value in column "granted"',
        )
      },
      vandal,
    )
  })

  test('compares the projections that the log fits, beside one that it does not fit', async () => {
    const damage = async () => {
      await vandal`update claims set claim = 'another' where claim = (select min(claim) from claims)`
      await vandal`update events set payload = '{}' where type = 'AccountOpened'`
      const { stdout } = await runCli(['verify', '--json'], { database: ledger.url })
      const found: ProjectionVerification[] = JSON.parse(stdout).projections
      const of = (name: string) => found.find(({ projection }) => projection === name)
      expect(of('account_state')?.failure).toContain('null value in column')
      expect(of('claims')?.differing).toBe(2)
      expect(of('key_state')).toMatchObject({ differing: 0 })
      expect(of('key_state')?.rows).toBeGreaterThan(0)
      await keepsNoConnectionOfTheGroup()
    }
    async function keepsNoConnectionOfTheGroup() {
      const [group = []] = groupProjections(projections)
      const url = new URL(ledger.url)
      url.searchParams.set('application_name', 'split')
      const compared = await openComparedProjections(group, { url: url.href, maxDescribed: 5 })
      try {
        const names = (await compareProjections(compared)).map(({ projection }) => projection)
        expect(names).toEqual(group.map(({ name }) => name))
        // One for each, and none for all together.
        await until(async () => {
          const [row] = await ledger.sql<{ count: number }[]>`
            select count(*) from pg_stat_activity where application_name = 'split'`
          return row?.count === group.length
        })
      } finally {
        await closeComparedProjections(compared)
      }
    }
    await whileDamaged('claims', () => whileDamaged('events', damage, vandal), vandal)
  })

  test('ends with status 0 for a sound ledger, and says what it looked at', async () => {
    const { status, stdout } = await runCli(['verify'], { database: ledger.url })
    expect(stdout).toContain('The ledger is what its log says.')
    expect(stdout).toContain(`log, up to 0-${await ledger.size()}`)
    expect(status).toBe(0)
  })

  test('ends with status 1 and names the row and both values', async () => {
    await whileDamaged(
      'lots',
      async () => {
        const [row] = await vandal`update lots set settled = settled + 41
        where lot = (select min(lot) from lots) returning lot, settled`
        const { status, stdout } = await runCli(['verify'], { database: ledger.url })
        expect(status).toBe(1)
        expect(stdout).toContain(
          `lots (lot ${row?.lot}, shard 0): settled is ${row?.settled}, the log says`,
        )
        const { stdout: document } = await runCli(['verify', '--json'], { database: ledger.url })
        const { sound, projections } = JSON.parse(document)
        expect(sound).toBe(false)
        expect(projections.find((p: { differing: number }) => p.differing > 0).projection).toBe(
          'balances',
        )
      },
      vandal,
    )
  })

  test('that watches finds what is changed later, says so as a metric, and goes on', async () => {
    const child = startCli(['verify', '--watch', '--every', '1', '--port', '0'], {
      database: ledger.url,
    })
    const lines = linesOf(child.stderr)
    const url = await lines.find((line) => line.metricsUrl)
    const scrape = async () => (await fetch(url?.metricsUrl as string)).text()
    const differing = async () =>
      Number(/differing_rows\{projection="balances"\} (\d+)/.exec(await scrape())?.[1])
    await until(async () => (await differing()) === 0)
    await whileDamaged(
      'balances',
      async () => {
        await vandal`update balances set debt = debt + 1`
        await until(async () => (await differing()) > 0, 20_000)
      },
      vandal,
    )
    await until(async () => (await differing()) === 0, 20_000)
    await ledger.travelTo(ledger.now)
    const { hold } = await ledger.hold(key, 1)
    await ledger.settle(hold, 1)
    await putShippedClock(ledger.owner)
    const head = await ledger.size()
    await until(
      async () => (await scrape()).includes(`tollbook_verify_position{shard="0"} ${head}`),
      20_000,
    )
    expect(await scrape()).toContain('tollbook_verify_log_faults{shard="0"} 0')
    await until(async () => (await scrape()).includes('tollbook_verify_sound 1'), 20_000)
    child.kill('SIGTERM')
    expect(await child.exited).toBe(0)
  })
})

interface Line {
  readonly metricsUrl?: string
}

/** Lines of JSON as they come. */
function linesOf(stream: ReadableStream<Uint8Array>) {
  const seen: Line[] = []
  void (async () => {
    let rest = ''
    for await (const piece of stream.pipeThrough(new TextDecoderStream() as never)) {
      const lines = `${rest}${piece}`.split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) if (line.startsWith('{')) seen.push(JSON.parse(line))
    }
  })()
  return {
    async find(wanted: (line: Line) => unknown): Promise<Line | undefined> {
      await until(() => seen.some(wanted), 30_000)
      return seen.find(wanted)
    },
  }
}
