/**
 * How long management takes to respond when there are many keys: each request is repeated over one connection, one
 * at a time, so that the response is measured and no queue.
 */
import Table from 'cli-table3'
import { signToken } from '../src/http/auth/sign-token.ts'
import { accountIdOf, type Owner } from '../src/lib/ids.ts'
import { jwtSecret, startBenchGateway } from './parts/gateway.ts'
import { busyOwner, fillKeyLedger, usualOwner } from './parts/key-ledger.ts'

export interface KeysOptions {
  readonly serverUrl: string
  readonly keys: number
  /** How often each question is asked. */
  readonly requests: number
  /** Where to write what was measured. */
  readonly json: string | undefined
}

interface Question {
  readonly path: string
  /** Whoever asks: an operator, or an owner. */
  readonly as: 'admin' | Owner
}

interface Timed {
  readonly path: string
  readonly as: string
  readonly minMs: number
  readonly medianMs: number
  readonly p99Ms: number
  readonly maxMs: number
  readonly bytes: number
}

export async function benchKeys({ serverUrl, keys, requests, json }: KeysOptions): Promise<void> {
  console.error(`Filling a ledger with ${keys} keys…`)
  const { url, ...ledger } = await fillKeyLedger(serverUrl, 'tollbook_bench_keys', keys)
  const timed = await measureAll(url, questions(keys), requests)
  const { events, usageRows } = ledger
  if (json) await Bun.write(json, JSON.stringify({ keys, ...ledger, requests, timed }, null, 2))
  console.log(`\n${keys} keys, ${events} events, ${usageRows} rows of daily usage`)
  console.log(print(timed))
}

async function measureAll(databaseUrl: string, asked: readonly Question[], requests: number) {
  const upstream = 'http://127.0.0.1:9' // nothing is forwarded here
  const gateway = await startBenchGateway({ databaseUrl, redisUrl: undefined, upstream })
  const timed: Timed[] = []
  try {
    for (const question of asked) {
      console.error(`${question.path}…`)
      timed.push(await measure(gateway.url, question, requests))
    }
  } finally {
    await gateway.stop()
  }
  return timed
}

function questions(keys: number): Question[] {
  const list = '/admin/api-keys'
  const busy = busyOwner.id
  const asAdmin = [
    list,
    `${list}?limit=200`,
    `${list}?limit=200&page=${Math.ceil(keys / 200)}`,
    `${list}?userId=${busy}&limit=200`,
    `${list}?userId=${usualOwner.id}`,
    `${list}?tier=bench&limit=200`,
    `${list}?tier=enterprise&limit=200`,
    `${list}?tier=none`,
    `${list}?active=true&limit=200`,
    `${list}?active=false&limit=200`,
    `${list}?tier=pro&active=true&limit=200`,
    `${list}?tier=pro&active=true&limit=200&page=8`,
    `${list}?userId=${busy}&tier=pro&active=false&limit=200`,
    '/admin/usage/summary',
    '/admin/usage/top-users?limit=200',
    '/admin/events?limit=200',
    `/admin/events?accountId=${accountIdOf(busyOwner)}&limit=200`,
    `/admin/events?accountId=${accountIdOf(usualOwner)}`,
    '/admin/events?keyId=key_17',
    '/admin/events?type=KeyRevoked&limit=200',
  ].map((path): Question => ({ path, as: 'admin' }))
  const asOwners = ['/api-keys', '/account'].flatMap((path) =>
    [usualOwner, busyOwner].map((as): Question => ({ path, as })),
  )
  return [...asAdmin, ...asOwners]
}

async function measure(origin: string, { path, as }: Question, requests: number): Promise<Timed> {
  const token = await signToken({
    ...{ secret: jwtSecret, expiresInSeconds: 3_600 },
    ...(as === 'admin' ? { subject: as, role: as } : { subject: as.id }),
  })
  const headers = { authorization: `Bearer ${token}` }
  const times: number[] = []
  let bytes = 0
  for (let i = -warmUp; i < requests; i++) {
    const startedAt = performance.now()
    const response = await fetch(origin + path, { headers })
    bytes = (await response.arrayBuffer()).byteLength
    if (i >= 0) times.push(performance.now() - startedAt)
    if (!response.ok) throw new Error(`${path} got ${response.status}`)
  }
  times.sort((a, b) => a - b)
  const at = (share: number) => times[Math.max(Math.ceil(times.length * share) - 1, 0)] as number
  const who = as === 'admin' ? as : as.id
  return { path, as: who, minMs: at(0), medianMs: at(0.5), p99Ms: at(0.99), maxMs: at(1), bytes }
}

/** Until prepared statements have their plans. */
const warmUp = 20

function print(timed: readonly Timed[]): string {
  const table = new Table({
    head: ['GET', 'as', 'min ms', 'median ms', 'p99 ms', 'max ms', 'bytes'],
    style: { head: [], border: [] },
    colAligns: ['left', 'left', 'right', 'right', 'right', 'right', 'right'],
  })
  for (const { path, as, bytes, minMs, medianMs, p99Ms, maxMs } of timed) {
    const times = [minMs, medianMs, p99Ms, maxMs].map((ms) => ms.toFixed(1))
    table.push([path, as, ...times, bytes])
  }
  return table.toString()
}
