/**
 * Loses the connection of a transaction between two of its queries, and says what came of it.
 *
 *   bun lost-transaction.ts URL
 */
import { connect } from '../../src/ledger/connect.ts'
import { isWriteToLostConnection } from '../../src/ledger/connection/library-faults.ts'

const [url = ''] = process.argv.slice(2)
process.on('uncaughtException', (error) => {
  console.log(isWriteToLostConnection(error) ? 'known' : `unknown: ${error.stack}`)
})
const sql = connect({ url, as: 'owner', max: 1 })
const other = connect({ url, as: 'owner', max: 1 })
const lost = Promise.withResolvers<void>()
const outcome = sql.begin(async (tx) => {
  const [row] = await tx`select pg_backend_pid() as pid`
  await other`select pg_terminate_backend(${row?.pid})`
  await lost.promise
  await tx`select 1`
})
await outcome.catch((error) => console.log(error.code))
lost.resolve()
await Bun.sleep(100)
const [row] = await sql`select 'goes on' as state`
console.log(row?.state)
await Promise.all([sql.end({ timeout: 1 }), other.end({ timeout: 1 })])
process.exit(0)
