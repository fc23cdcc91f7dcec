/** `bun bench/statement.ts [--events N] [--rounds N]`: how long the statement of one busy key takes, and its account's. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import postgres from 'postgres'
import { keyState } from '../projections/key-state.ts'
import { connect, type Sql } from '../src/ledger/connect.ts'
import { startEmbeddedPostgres } from '../src/postgres/embedded.ts'
import { type StatementRequest, statement } from '../src/reports/statement.ts'
import { seedLog } from './seed-log.ts'

const { values } = parseArgs({
  options: {
    events: { type: 'string', default: '2000000' },
    rounds: { type: 'string', default: '5' },
  },
})
const events = Number(values.events)
const folder = mkdtempSync(join(tmpdir(), 'tollbook-bench-'))
const server = await startEmbeddedPostgres({ dataDir: join(folder, 'postgres') })
try {
  const url = await newDatabase(server.url)
  const written = await seedLog(url, { events, keys: 1, months: 1 })
  const sql = connect({ url, as: 'owner', max: 2 })
  const busy = await busiestMonth(sql)
  const charges = `${busy.charges.toLocaleString('en')} charges in ${busy.month}`
  console.log(`${written.toLocaleString('en')} events of one key, ${charges}`)
  await measure(sql, 'key', { keyId: busy.keyId, month: busy.month })
  await measure(sql, 'account', { accountId: busy.accountId, month: busy.month })
  await sql.end()
} finally {
  await server.stop()
  rmSync(folder, { recursive: true, force: true })
}
process.exit(0)

async function newDatabase(serverUrl: string): Promise<string> {
  const admin = postgres(serverUrl, { max: 1 })
  await admin`create database statement`
  await admin.end()
  const url = new URL(serverUrl)
  url.pathname = '/statement'
  return url.href
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

async function measure(sql: Sql, name: string, request: StatementRequest): Promise<void> {
  const times: number[] = []
  for (let round = 0; round < Number(values.rounds); round++) {
    const startedAt = performance.now()
    await statement(sql, request)
    times.push(performance.now() - startedAt)
  }
  const sorted = times.toSorted((a, b) => a - b).map(Math.round)
  console.log(`${name}: ${sorted[sorted.length >> 1]} ms (${sorted[0]} to ${sorted.at(-1)})`)
}
