/** A gateway survives that its connections to PostgreSQL are lost at their start, whatever they were about to do. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { createServer, connect as openSocket, type Server, type Socket } from 'node:net'
import { migrate } from '../../src/ledger/migrate/migrate.ts'
import { createDatabase, type TestDatabase } from '../support/postgres.ts'
import { jwtSecret } from '../support/running-gateway.ts'
import { startServe } from '../support/serve-process.ts'
import { until } from '../support/until.ts'

let database: TestDatabase
/** The way to PostgreSQL. */
let way: Server
const clients = new Set<Socket>()
/** Whether the way resets each connection that asks for the types of the database, as each does first. */
let resets = false
let lost = 0

beforeAll(async () => {
  database = await createDatabase()
  await migrate({ url: database.url })
  const { hostname, port } = new URL(database.url)
  way = createServer((client) => {
    const server = openSocket(Number(port), hostname)
    clients.add(client)
    client.on('data', (data) => {
      if (!resets || !data.includes('b.typarray')) return void server.write(data)
      lost++
      client.resetAndDestroy()
    })
    server.on('data', (data) => client.write(data))
    for (const socket of [client, server]) socket.on('error', () => {})
    client.on('close', () => {
      clients.delete(client)
      server.destroy()
    })
    server.on('close', () => client.destroy())
  })
  await new Promise<void>((resolve) => way.listen(0, '127.0.0.1', resolve))
})
afterAll(async () => {
  way.close()
  await database.drop()
})

test('connections that are reset while they ask for types end no gateway', async () => {
  const url = new URL(database.url)
  const address = way.address()
  url.port = String(typeof address === 'object' ? address?.port : '')
  url.hostname = '127.0.0.1'
  const nowhere = 'http://127.0.0.1:1'
  const gateway = await startServe({
    ...{ DATABASE_URL: url.href, JWT_SECRET: jwtSecret },
    ...{ SEARCH_SERVICE_URL: nowhere, STT_SERVICE_URL: nowhere, TTS_SERVICE_URL: nowhere },
  })
  const reachesLedger = async () =>
    !(await (await fetch(`${gateway.url}/ready`)).text()).includes('cannot be reached')
  await until(reachesLedger)
  resets = true
  for (const client of clients) client.resetAndDestroy()
  // One that has ended asks no more.
  await until(() => lost >= 5)
  resets = false
  await until(reachesLedger)
  expect(await gateway.stop()).toBe(0)
})
