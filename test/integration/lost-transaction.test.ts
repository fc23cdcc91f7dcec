/** A transaction whose connection is lost between two queries fails, and what it still asks for ends no gateway. */
import { expect, test } from 'bun:test'
import { join } from 'node:path'
import { createDatabase } from '../support/postgres.ts'

test('what comes of it is known, and the next query has a connection', async () => {
  const database = await createDatabase()
  const program = join(import.meta.dir, '../support/lost-transaction.ts')
  const child = Bun.spawn([process.execPath, program, database.url], { stderr: 'inherit' })
  const said = await new Response(child.stdout).text()
  await child.exited
  await database.drop()
  expect(said.trim().split('\n')).toEqual(['CONNECTION_CLOSED', 'known', 'goes on'])
})
