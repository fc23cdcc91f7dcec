/** Connections whose server goes away at their start. */
import { expect, test } from 'bun:test'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { watchSocket } from '../../src/ledger/connection/watch-socket.ts'

test('a server that closes at the start is told to whoever listens, however late', async () => {
  const server = createServer((socket) => socket.end())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' && address ? address.port : 0
  const socket = connect({ host: '127.0.0.1', port })
  await once(socket, 'connect')
  watchSocket(socket, { maxSilenceSeconds: 5, onUnfit() {} })
  await new Promise((resolve) => socket.once('close', resolve))
  const closed = new Promise((resolve) => socket.once('close', resolve))
  const error = await new Promise((resolve) => socket.once('error', resolve))
  expect(error).toMatchObject({ code: 'ECONNRESET' })
  await closed
  server.close()
})
