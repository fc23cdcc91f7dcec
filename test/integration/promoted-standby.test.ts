/** A standby that becomes the primary is found, though the primary before it is silent. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { connect as connectSocket, createServer, type Server } from 'node:net'
import { connect } from '../../src/ledger/connect.ts'
import { type ServerPair, startServerPair } from '../support/standby.ts'
import { until } from '../support/until.ts'

let pair: ServerPair
/** Takes connections and never says a word, as a machine that was frozen. */
let silent: Server
/** The way to the standby, which counts how often somebody has come and gone. */
let way: Server
let visits = 0

beforeAll(async () => {
  pair = await startServerPair(async () => ({}))
  silent = await listen(createServer())
  way = await listen(
    createServer((client) => {
      const server = connectSocket(pair.standbyPort, '127.0.0.1')
      client.pipe(server).pipe(client)
      for (const socket of [client, server]) socket.on('error', () => {})
      client.on('close', () => {
        visits++
        server.destroy()
      })
    }),
  )
})
afterAll(async () => {
  for (const server of [silent, way]) server.close()
  await pair.stop()
})

test('a standby that is promoted is found before a silent host is given up', async () => {
  const query = 'connect_timeout=60'
  const url = `postgres://${pair.login}@127.0.0.1:${portOf(silent)},127.0.0.1:${portOf(way)}/postgres?${query}`
  const direct = connect({
    url: `postgres://${pair.login}@127.0.0.1:${pair.standbyPort}/postgres`,
    as: 'owner',
    max: 1,
  })
  const sql = connect({ url, as: 'owner', max: 1 })
  try {
    const found = sql`select 1 as one`.then(([row]) => row?.one)
    await until(() => visits > 0)
    await direct`select pg_promote()`
    const promotedAtMs = performance.now()
    expect(await found).toBe(1)
    // Asked again twice a second; the silent host would be given up after a minute.
    expect(performance.now() - promotedAtMs).toBeLessThan(20_000)
  } finally {
    await Promise.all([sql.end({ timeout: 1 }), direct.end({ timeout: 1 })])
  }
})

function listen(server: Server): Promise<Server> {
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)))
}

function portOf(server: Server): number {
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('it does not listen')
  return address.port
}
