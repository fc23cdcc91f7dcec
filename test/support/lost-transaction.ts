/**
 * Loses the connection of a transaction between two of its queries, and says what came of it. With an error of its own, it ends.
 *
 *   bun lost-transaction.ts URL
 *   bun lost-transaction.ts URL --fault
 */
import { handleProcessFaults } from '../../src/cli/process-faults.ts'
import { connect } from '../../src/ledger/connect.ts'

const [url = '', fault] = process.argv.slice(2)
handleProcessFaults((error) => {
  console.log(`ended by: ${(error as Error).message}`)
  process.exit(1)
})
const sql = connect({ url, as: 'owner', max: 1 })
const other = connect({ url, as: 'owner', max: 1 })
const lost = Promise.withResolvers<void>()
const written = Promise.withResolvers<void>()
const outcome = sql.begin(async (tx) => {
  const [row] = await tx`select pg_backend_pid() as pid`
  await other`select pg_terminate_backend(${row?.pid})`
  await lost.promise
  const asked = tx`select 1`.then(() => {})
  // The library writes in a turn of its own.
  setImmediate(() => setImmediate(() => written.resolve()))
  await asked
})
await outcome.catch((error) => console.log(error.code))
lost.resolve()
await written.promise
const [row] = await sql`select 'goes on' as state`
console.log(row?.state)
if (fault) {
  setImmediate(() => {
    throw new Error('a fault of ours')
  })
  await new Promise(() => {})
}
await Promise.all([sql.end({ timeout: 1 }), other.end({ timeout: 1 })])
process.exit(0)
