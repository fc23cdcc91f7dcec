/** How many standbys are to spare counts those that are connected: the primary itself may be among the names. */
import { expect, test } from 'bun:test'
import { checkStandbys } from '../../src/cli/doctor/check-standbys.ts'
import type { Server } from '../../src/ledger/read/read-server.ts'

function found(names: string, standbys: readonly string[]) {
  const server = { settings: { synchronous_standby_names: names }, standbys, hasPatroni: false }
  return checkStandbys(server as unknown as Server, { hosts: 3 })
}

const threeServers = 'ANY 1 ("db-1", "db-2", "db-3")'

test.each([
  [threeServers, ['db-2', 'db-3'], 'ok'],
  [threeServers, ['db-2'], 'warning'],
  [threeServers, [], 'problem'],
  ['ANY 2 ("db-1", "db-2", "db-3")', ['db-2', 'db-3'], 'warning'],
  ['*', ['db-2', 'db-3'], 'ok'],
  ['*', ['db-2'], 'warning'],
])('where commits wait for %s and %p are connected, it finds: %s', (names, standbys, status) => {
  expect(found(names, standbys).status as string).toBe(status)
})

test('names that PostgreSQL takes only in quotes are printed in quotes', () => {
  expect(found(threeServers, ['db-2']).found).toBe('any 1 of "db-1", "db-2", "db-3", 1 connected')
  const { advice } = found('', ['db-2', 'db-3'])
  expect(advice).toContain(`synchronous_standby_names = 'ANY 1 ("db-2", "db-3")'`)
})
