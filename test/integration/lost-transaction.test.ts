/** A transaction whose connection is lost between two queries fails, and what it still asks for ends no process; other faults do. */
import { expect, test } from 'bun:test'
import { join } from 'node:path'
import { createDatabase } from '../support/postgres.ts'

const program = join(import.meta.dir, '../support/lost-transaction.ts')

async function run(...args: readonly string[]) {
  const child = Bun.spawn([process.execPath, program, ...args], { stdout: 'pipe', stderr: 'pipe' })
  const [said, complained] = await Promise.all(
    [child.stdout, child.stderr].map((stream) => new Response(stream).text()),
  )
  return { status: await child.exited, said: said?.trim().split('\n'), complained }
}

test('the process goes on, and the next query has a connection', async () => {
  const database = await createDatabase()
  const { status, said, complained } = await run(database.url)
  expect({ status, said, complained }).toEqual({
    ...{ status: 0, said: ['CONNECTION_CLOSED', 'goes on'], complained: '' },
  })
  await database.drop()
})

test('any other error ends it, with its stack', async () => {
  const database = await createDatabase()
  const { status, said, complained } = await run(database.url, '--fault')
  expect({ status, last: said?.at(-1) }).toEqual({ status: 1, last: 'ended by: a fault of ours' })
  expect(complained).toContain('lost-transaction.ts')
  await database.drop()
})
