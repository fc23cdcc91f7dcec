/**
 * What slow clients cost the others: the latency of ordinary calls with and without a crowd beside them
 * that sends its bodies byte by byte, taking turns.
 */
import { connect, type Socket } from 'node:net'
import Table from 'cli-table3'
import { startBenchGateway } from './parts/gateway.ts'
import { type BenchLedger, fillLedger } from './parts/ledger.ts'
import { runLoad } from './parts/load.ts'
import type { Measured } from './parts/measured-load.ts'
import { startRedis } from './parts/redis.ts'
import { median } from './parts/statistics.ts'
import { startUpstream } from './parts/upstream.ts'

export interface SlowClientsOptions {
  readonly serverUrl: string
  /** Of the ordinary clients. */
  readonly connections: number
  readonly seconds: number
  readonly rounds: number
  readonly accounts: number
}

const slowClients = 500
const everyMs = 1_000

export async function benchSlowClients(options: SlowClientsOptions): Promise<void> {
  const { connections, seconds, rounds } = options
  console.error(`Filling a ledger with ${options.accounts} accounts…`)
  const ledger = await fillLedger(options.serverUrl, 'tollbook_bench_slow', options.accounts)
  const redis = await startRedis()
  const upstream = await startUpstream()
  const gateway = await startBenchGateway({
    databaseUrl: ledger.url,
    redisUrl: redis.url,
    upstream: upstream.url,
  })
  const undisturbed: Measured[] = []
  const disturbed: Measured[] = []
  const load = () =>
    runLoad({
      ...{ url: `${gateway.url}/v1/search`, method: 'POST', connections, durationSeconds: seconds },
      ...{ headers: { 'content-type': 'application/json' }, body: '{"query":"how much"}' },
      apiKeys: ledger.keys.map(({ key }) => key),
    })
  try {
    await load()
    for (let round = 1; round <= rounds; round++) {
      console.error(`round ${round} of ${rounds}…`)
      undisturbed.push(await load())
      const crowd = await openCrowd(gateway.url, ledger)
      disturbed.push(await load())
      crowd.close()
    }
  } finally {
    for (const part of [gateway, upstream, redis]) await part.stop()
  }
  print(options, { undisturbed, [`beside ${slowClients} slow ones`]: disturbed })
}

/** Connections that send a byte a second, each of them opened again when the gateway has ended it. */
async function openCrowd(url: string, ledger: BenchLedger): Promise<{ close(): void }> {
  const { hostname, port } = new URL(url)
  const sockets = new Set<Socket>()
  let closing = false

  function open(): Promise<void> {
    return new Promise((resolve) => {
      const { key } = ledger.keys[sockets.size % ledger.keys.length] as BenchLedger['keys'][number]
      const socket = connect(Number(port), hostname, () => {
        socket.write(
          `POST /v1/search HTTP/1.1\r\nHost: bench\r\nX-API-Key: ${key}\r\n` +
            'Content-Type: application/json\r\nContent-Length: 100000\r\n\r\n',
        )
        resolve()
      })
      const timer = setInterval(() => socket.write(' '), everyMs)
      sockets.add(socket)
      socket.on('error', () => {})
      socket.on('data', () => {})
      socket.on('close', () => {
        clearInterval(timer)
        sockets.delete(socket)
        if (!closing) void open()
      })
    })
  }

  await Promise.all(Array.from({ length: slowClients }, open))
  return {
    close() {
      closing = true
      for (const socket of sockets) socket.destroy()
    },
  }
}

function print(
  { rounds, seconds, connections }: SlowClientsOptions,
  runs: Readonly<Record<string, readonly Measured[]>>,
): void {
  const table = new Table({
    head: ['calls', 'calls/s', 'p50 ms', 'p99 ms', 'no success'],
    style: { head: [], border: [] },
    colAligns: ['left', 'right', 'right', 'right', 'right'],
  })
  for (const [name, measured] of Object.entries(runs)) {
    table.push([
      name,
      Math.round(median(measured.map((one) => one.requestsPerSecond))),
      median(measured.map((one) => one.p50Ms)).toFixed(1),
      median(measured.map((one) => one.p99Ms)).toFixed(1),
      measured.reduce((sum, one) => sum + one.non2xx + one.socketErrors, 0),
    ])
  }
  console.log(`\n${connections} connections, ${rounds} rounds of ${seconds} s, medians\n`)
  console.log(table.toString())
}
