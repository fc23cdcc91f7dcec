/** How long the statement of one key with very many calls takes, and its account's. */
import Table from 'cli-table3'
import { keyState } from '../projections/key-state.ts'
import { connect, type Sql } from '../src/ledger/connect.ts'
import { readStatement, type StatementRequest } from '../src/reports/statement/read-statement.ts'
import { freshDatabase } from './parts/ledger.ts'
import { postmasterOf, processorSeconds } from './parts/postgres-use.ts'
import { median } from './parts/statistics.ts'
import { seedLog } from './seed-log.ts'

export interface StatementOptions {
  readonly serverUrl: string
  /** Of the log; about four in ten are charges of the busiest month. */
  readonly events: number
  readonly rounds: number
}

export async function benchStatement({ serverUrl, events, rounds }: StatementOptions) {
  const url = await freshDatabase(serverUrl, 'tollbook_bench_statement')
  const postmaster = await postmasterOf(serverUrl)
  console.error(`writing ${events} events of one key…`)
  const written = await seedLog(url, { events, keys: 1, months: 1 })
  const sql = connect({ url, as: 'owner', max: 2 })
  const { keyId, accountId, month, charges } = await busiestMonth(sql)
  const table = new Table({
    head: ['', 'ms', 'least–most', 'of processor s'],
    style: { head: [], border: [] },
    colAligns: ['left', 'right', 'right', 'right'],
  })

  async function measure(name: string, request: StatementRequest): Promise<void> {
    const times: number[] = []
    const used: number[] = []
    for (let round = 0; round < rounds; round++) {
      const [startedAt, before] = [performance.now(), processorSeconds(postmaster)]
      await readStatement(sql, request)
      times.push(Math.round(performance.now() - startedAt))
      used.push((processorSeconds(postmaster) ?? Number.NaN) - (before ?? 0))
    }
    const range = `${Math.min(...times)}–${Math.max(...times)}`
    table.push([name, median(times), range, median(used).toFixed(2)])
  }

  await measure('of the key', { keyId, month })
  await measure('of its account, with its lots', { accountId, month })
  await sql.end()
  const many = (n: number) => n.toLocaleString('en')
  console.log(
    `\nstatements of ${month}: ${many(charges)} charges, ${many(written)} events of one key; medians of ${rounds}\n`,
  )
  console.log(table.toString())
}

/** The seed writes the log alone; whose the key is stands in a projection. */
async function busiestMonth(sql: Sql) {
  for (const { sql: apply } of keyState.apply) {
    await sql.unsafe(
      `with batch as (select * from events where stream_version is not null) ${apply}`,
    )
  }
  await sql`vacuum analyze events`
  const [row] = await sql<{ keyId: string; accountId: string; month: string; charges: number }[]>`
    select key_id as "keyId", account_id as "accountId", to_char(occurred_at, 'YYYY-MM') as month, count(*) as charges
    from events where type = 'HoldSettled' group by 1, 2, 3 order by charges desc limit 1`
  if (!row) throw new Error('the log has no charges')
  return row
}
