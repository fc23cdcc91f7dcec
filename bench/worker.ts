/**
 * What this checkout does when it is compared with another: it fills a database, appends to it and starts a
 * gateway on it, each with its own code. Requests and responses are described in against/protocol.ts.
 */

import {
  type Append,
  type Gateway,
  linesOf,
  type Responses,
  readRequest,
} from './against/protocol.ts'
import { openAppends } from './append.ts'
import { startBenchGateway } from './parts/gateway.ts'
import { type BenchLedger, fillLedger } from './parts/ledger.ts'
import { keysOf } from './parts/measure.ts'

// A gateway that this process has started is ended when it exits, which a signal alone would not let it do.
process.on('SIGTERM', () => process.exit(143))

await using started = new AsyncDisposableStack()
let appends: ReturnType<typeof openAppends> | undefined
for await (const line of linesOf(Bun.stdin.stream())) {
  const response = await respond(line).catch((error: unknown) => ({
    error: error instanceof Error ? error.message : String(error),
  }))
  console.log(JSON.stringify(response))
}

async function respond(line: string): Promise<Responses[keyof Responses]> {
  const request = readRequest(line)
  switch (request.task) {
    case 'fill':
      return { ledger: await fillLedger(request.server, request.database, request.accounts) }
    case 'append':
      return measureAppends(request)
    case 'gateway':
      return startGateway(request)
  }
}

async function measureAppends(request: Append): Promise<Responses['append']> {
  const ledger = request.ledger as BenchLedger
  const keys = request.accounts === 'one' ? ledger.keys.slice(0, 1) : ledger.keys
  appends ??= started.adopt(openAppends(ledger), ({ close }) => close())
  const before = process.cpuUsage()
  const measured = await appends.run(keys, request.inFlight, request.seconds)
  const { user, system } = process.cpuUsage(before)
  return { ...measured, appenderUs: (user + system) / measured.events }
}

async function startGateway(request: Gateway): Promise<Responses['gateway']> {
  const { url: databaseUrl, keys } = request.ledger as BenchLedger
  const { redis: redisUrl, upstream } = request
  const gateway = started.use(await startBenchGateway({ databaseUrl, redisUrl, upstream }))
  return { url: gateway.url, pid: gateway.pid, keys: keysOf(keys) }
}
