/** A new version of the program whose projections changed: they are built anew while the old ones serve. */
import { afterEach, beforeEach, expect, test } from 'bun:test'
import { dailyUsage } from '../../projections/daily-usage.ts'
import { monthlyBalances } from '../../projections/monthly-balances.ts'
import type { Projection } from '../../projections/projection.ts'
import { migrate } from '../../src/ledger/migrate/migrate.ts'
import { schemaFault } from '../../src/ledger/migrate/schema-compatibility.ts'
import { migrateWithRebuild } from '../../src/projector/rebuild/migrate-with-rebuild.ts'
import { openVerifier } from '../../src/projector/verify/verifier.ts'
import { catchUpAll } from '../support/catch-up-all.ts'
import { withShippedClock } from '../support/shipped-clock.ts'
import { type Ledger, openLedger, type TestKey } from '../support/test-ledger.ts'
import { until } from '../support/until.ts'
import { fillVariedLedger } from '../support/varied-ledger.ts'

let ledger: Ledger
let key: TestKey
/** Takes the program's projections back to what they were. */
let takeBack: (() => void)[]
beforeEach(async () => {
  takeBack = []
  ledger = await openLedger()
  key = await fillVariedLedger(ledger)
})
afterEach(async () => {
  for (const undo of takeBack) undo()
  await ledger.close()
})

/** The program in a later version: this projection has changed. */
function change(projection: Projection, { tables, apply }: Pick<Projection, 'tables' | 'apply'>) {
  const before = { ...projection }
  takeBack.push(() => Object.assign(projection, before))
  Object.assign(projection, { version: projection.version + 1, tables, apply })
}

/** A column that counts what was released, in months and in days. */
function nextVersion(): void {
  const adding = (text: string, from: string, to: string) => {
    expect(text).toContain(from)
    return text.replaceAll(from, to)
  }
  for (const projection of [monthlyBalances, dailyUsage]) {
    const key = 'account_id text not null,'
    const [table = '', ...indexes] = projection.tables
    const of =
      projection === monthlyBalances
        ? `m.account_id = b.account_id and m.key_id = b.key_id and m.mode = b.mode
           and m.month = date_trunc('month', b.occurred_at at time zone 'UTC')::date`
        : `m.key_id = b.key_id and m.endpoint = b.endpoint and m.day = (b.occurred_at at time zone 'UTC')::date`
    change(projection, {
      tables: [adding(table, key, `${key} released bigint not null default 0,`), ...indexes],
      apply: [
        ...projection.apply,
        {
          eventTypes: ['HoldReleased'],
          sql: `update ${projection.name} m set released = m.released + r.released
            from (select m.ctid as row, count(*) as released from ${projection.name} m join batch b on ${of}
              where b.type = 'HoldReleased' and b.slots is null group by m.ctid) r
            where m.ctid = r.row`,
        },
      ],
    })
  }
}

async function released() {
  const [row] = await ledger.sql<[{ months: number; days: number; log: number }]>`
    select (select sum(released) from monthly_balances)::bigint as months,
      (select sum(released) from daily_usage)::bigint as days,
      (select count(*) from events where type = 'HoldReleased' and slots is null) as log`
  return { ...row }
}

async function isSound(): Promise<boolean> {
  const verifier = await openVerifier({ url: ledger.url, maxDescribed: 5 })
  const { sound, projections } = await withShippedClock(ledger, () => verifier.run())
  await verifier.close()
  if (!sound) console.error(JSON.stringify(projections))
  return sound
}

test('a changed projection is built anew while gateways sell, and takes over with its functions', async () => {
  let migrating = true
  let calls = 0
  const gateway = ledger.newGateway()
  const load = (async () => {
    while (migrating) {
      const { hold, verdict } = await gateway.hold(key, 1)
      expect(verdict).toBe('ok')
      const result = calls % 2 ? await gateway.release(hold) : await gateway.settle(hold, 1)
      expect(result.verdict).toBe('ok')
      calls++
    }
  })()
  try {
    await until(() => calls > 5)
    expect(await schemaFault(ledger.calls, 'calls')).toBeUndefined()
    nextVersion()
    expect(await schemaFault(ledger.calls, 'calls')).toContain('tollbook migrate')
    await expect(migrate({ url: ledger.url })).rejects.toThrow('monthly_balances, daily_usage')
    const migrated = await migrateWithRebuild({ url: ledger.url })
    expect(migrated).toEqual({ applied: [], rebuilt: ['monthly_balances', 'daily_usage'] })
    const after = calls
    await until(() => calls > after + 5)
  } finally {
    migrating = false
    await load
  }
  await catchUpAll(ledger.sql)
  expect(await schemaFault(ledger.calls, 'calls')).toBeUndefined()
  const sums = await released()
  expect(sums.log).toBeGreaterThan(3)
  expect(sums).toEqual({ months: sums.log, days: sums.log, log: sums.log })
  expect(await isSound()).toBe(true)
})

test('migrations that are started at once build it once', async () => {
  nextVersion()
  const migrated = await Promise.all([1, 2, 3].map(() => migrateWithRebuild({ url: ledger.url })))
  expect(migrated.map(({ rebuilt }) => rebuilt.length).sort()).toEqual([0, 0, 2])
  expect(await isSound()).toBe(true)
})

test('a projection that a ledger with events has not known is built from all of them', async () => {
  await ledger.owner`drop table monthly_balances`
  await ledger.owner`delete from projection_checkpoints where projection = 'monthly_balances'`
  expect((await migrateWithRebuild({ url: ledger.url })).rebuilt).toEqual(['monthly_balances'])
  expect(await isSound()).toBe(true)
  expect((await ledger.hold(key, 1)).verdict).toBe('ok')
})
