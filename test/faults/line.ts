/**
 * A TCP line between one gateway and PostgreSQL. All that passes can be watched, kept back, delayed or cut:
 * what happens to a gateway between any two bytes can be made to happen, without a hook in the gateway.
 */
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

export interface Piece {
  readonly towards: 'server' | 'client'
  readonly bytes: Buffer
  /** The connection carries appends, one batch at a time. */
  readonly isProducer: boolean
  /** Of the connection, so that a result can be matched to its batch. */
  readonly connection: number
}

/**
 * `keep`: this piece and all that follows on its connection goes nowhere; `lose`: and the connection breaks. Bytes: they pass in
 * its place.
 */
export type Fate = 'pass' | 'keep' | 'lose' | Buffer

export interface Line {
  readonly port: number
  /** Decides on every piece from now on; absent: all pass. */
  watch(decide?: (piece: Piece) => Fate): void
  /** How long each piece is on its way, in milliseconds. */
  delayMs: number
  /** Nothing passes in either direction, and no connection breaks, until it speaks again; then all that waited passes. */
  fallSilent(): void
  speakAgain(): void
  /** From now on nothing passes on the connections that there are, and none of them ends; new ones are as good as before. */
  swallow(): void
  /** Breaks every connection. */
  cut(): void
  close(): Promise<void>
}

interface Connection {
  readonly id: number
  readonly client: Socket
  readonly server: Socket
  isProducer: boolean
  /** Something was kept back: nothing passes any more. */
  kept: boolean
  waiting: (() => void)[]
}

export async function openLine(target: { host: string; port: number }): Promise<Line> {
  const connections = new Set<Connection>()
  let decide: (piece: Piece) => Fate = () => 'pass'
  let silent = false
  let opened = 0

  function breakOff({ client, server }: Connection): void {
    client.destroy()
    server.destroy()
  }

  function carry(connection: Connection, towards: Piece['towards'], bytes: Buffer): void {
    if (towards === 'server' && !connection.isProducer) {
      connection.isProducer = bytes.includes('append_v') || bytes.includes('open_producer_v')
    }
    if (connection.kept) return
    const { isProducer, id } = connection
    const fate = decide({ towards, bytes, isProducer, connection: id })
    if (fate === 'keep' || fate === 'lose') connection.kept = true
    if (fate === 'lose') breakOff(connection)
    if (connection.kept) return
    const to = towards === 'server' ? connection.server : connection.client
    const passing = fate === 'pass' ? bytes : (fate as Buffer)
    const send = () => void (to.destroyed || to.write(passing))
    if (silent) connection.waiting.push(send)
    else if (line.delayMs > 0) setTimeout(send, line.delayMs)
    else send()
  }

  const server = createServer((client) => {
    const connection: Connection = {
      ...{ id: ++opened, client, server: connect(target.port, target.host) },
      ...{ isProducer: false, kept: false, waiting: [] },
    }
    connections.add(connection)
    for (const socket of [client, connection.server]) {
      socket.setNoDelay(true)
      socket.on('error', () => {})
      socket.on('close', () => {
        connections.delete(connection)
        breakOff(connection)
      })
    }
    client.on('data', (bytes: Buffer) => carry(connection, 'server', bytes))
    connection.server.on('data', (bytes: Buffer) => carry(connection, 'client', bytes))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')

  const line: Line = {
    port: (server.address() as { port: number }).port,
    delayMs: 0,
    watch(next = () => 'pass') {
      decide = next
    },
    fallSilent() {
      silent = true
    },
    speakAgain() {
      silent = false
      for (const connection of connections) {
        for (const send of connection.waiting.splice(0)) send()
      }
    },
    swallow() {
      for (const connection of connections) connection.kept = true
    },
    cut() {
      for (const connection of connections) breakOff(connection)
    },
    async close() {
      line.cut()
      server.close()
      await once(server, 'close')
    },
  }
  return line
}
