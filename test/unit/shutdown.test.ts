/** How a gateway ends; test/integration/graceful-stop.test.ts shows the same of a gateway that runs. */
import { expect, test } from 'bun:test'
import type { HttpServer } from '../../src/server/http-server.ts'
import type { Phase } from '../../src/server/phase.ts'
import { openShutdown, stopServing } from '../../src/server/shutdown.ts'

test('what was opened last is closed first, each part after the one above it', async () => {
  const closed: string[] = []
  const shutdown = openShutdown(() => {})
  for (const part of ['pool', 'appender', 'server']) {
    shutdown.push(part, async () => {
      await Promise.resolve()
      closed.push(part)
    })
  }
  await shutdown.run()
  expect(closed).toEqual(['server', 'appender', 'pool'])
})

test('a part that cannot be closed is logged, and the others are closed', async () => {
  const closed: string[] = []
  const logged: string[] = []
  const shutdown = openShutdown((message) => logged.push(message))
  shutdown.push('the pool', () => closed.push('pool'))
  shutdown.push('the appender', () => Promise.reject(new Error('stuck')))
  shutdown.push('the server', () => {
    throw new Error('stuck')
  })
  await shutdown.run()
  expect(closed).toEqual(['pool'])
  expect(logged).toEqual(['the server could not be closed', 'the appender could not be closed'])
})

/** Parts that record what is done to them, with the phase at that time. */
function openServing(serverStops: Promise<void>) {
  const phase: Phase = { isStopping: false }
  const steps: string[] = []
  const record = (step: string) => {
    steps.push(`${step}, ${phase.isStopping ? 'stopping' : 'serving'}`)
  }
  const server = {
    stop() {
      record('server stops')
      return serverStops
    },
    async closeConnections() {
      record('connections are closed')
    },
  } as unknown as HttpServer
  const proxy = {
    async idle() {
      record('calls finish')
    },
    cutOff() {
      record('calls are cut off')
    },
  }
  return { steps, serving: { server, proxy, phase, drainSeconds: 0 } }
}

const order = [
  'server stops, stopping',
  'calls finish, stopping',
  'calls are cut off, stopping',
  'connections are closed, stopping',
  'calls finish, stopping',
]

test('serving ends step by step: calls finish before connections are closed', async () => {
  const { steps, serving } = openServing(Promise.resolve())
  await stopServing(serving, 60_000)
  expect(steps).toEqual(order)
})

test('a server whose responses never end is cut off after the grace', async () => {
  const { steps, serving } = openServing(new Promise(() => {}))
  await stopServing(serving, 1)
  expect(steps).toEqual(order)
})
