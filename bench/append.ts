/**
 * Events per second of the append: half holds, half settlements, through the gateway's own group commit,
 * with so many calls in flight that batches reach the size asked for.
 */
import { openAppendConnection } from '../src/ledger/append/append-connection.ts'
import { type Appender, openAppender } from '../src/ledger/append/appender.ts'
import { HighWaterMarks } from '../src/ledger/append/high-water-marks.ts'
import { connect } from '../src/ledger/connect.ts'
import { compareAppends } from './against/append.ts'
import { type BenchKey, type BenchLedger, copyOf } from './parts/ledger.ts'
import { processorSeconds } from './parts/postgres-use.ts'
import type { Bench, Family } from './suite/bench.ts'
import type { Figures } from './suite/samples.ts'
import { takeTurns } from './suite/turns.ts'

/** Group commit takes half of what waits, which comes to a third of what is in flight. */
export const batchesOf100 = 300
const callsInFlight = [1, batchesOf100, 3_000]

export const append: Family = {
  name: 'append',
  summary: "events/s of the append, on one account and on all of the ledger's; or --against FOLDER",
  run: measureFamily,
}

export const appendAccounts = { one: 'one account', many: 'many accounts' } as const

async function measureFamily(bench: Bench): Promise<void> {
  if (bench.against.length > 0) return compareAppends(bench, comparedRows())
  const many = await copyOf(bench.serverUrl, bench.ledger, 'tollbook_bench_append')
  const one = { ...many, keys: many.keys.slice(0, 1) }
  // The first call of every account grants its month's allowance.
  await runAppends(many, many.keys.length, 1)
  const rows = callsInFlight.map((inFlight) => ({
    name: inFlightRow(inFlight),
    contenders: [
      { name: appendAccounts.one, measure: () => measure(one, inFlight, bench) },
      { name: appendAccounts.many, measure: () => measure(many, inFlight, bench) },
    ],
  }))
  await takeTurns(append.name, bench.rounds, rows, bench.record)
}

export function inFlightRow(inFlight: number): string {
  return `${inFlight.toLocaleString('en')} in flight`
}

function comparedRows() {
  return new Map(
    callsInFlight.flatMap((inFlight) =>
      (['one', 'many'] as const).map((accounts) => [
        `${inFlightRow(inFlight)}, ${appendAccounts[accounts]}`,
        { accounts, inFlight },
      ]),
    ),
  )
}

async function measure(
  ledger: BenchLedger,
  inFlight: number,
  { postgresPid, seconds }: Bench,
): Promise<Figures> {
  const used = () => (postgresPid === undefined ? undefined : processorSeconds(postgresPid))
  const before = used()
  const { events, eventsPerSecond, meanBatch } = await runAppends(ledger, inFlight, seconds)
  const after = used()
  const known = before !== undefined && after !== undefined
  return {
    ...{ eventsPerSecond, meanBatch },
    ...(known && { postgresUs: ((after - before) / events) * 1e6 }),
  }
}

/** Half holds, half settlements, for so long, over as many calls in flight, by an appender of its own. */
export async function runAppends(ledger: BenchLedger, inFlight: number, seconds: number) {
  const appends = openAppends(ledger)
  const measured = await appends.run(ledger.keys, inFlight, seconds)
  await appends.close()
  return measured
}

/** An appender that stays open between runs, as a gateway's does. */
export function openAppends({ url, tariff }: Pick<BenchLedger, 'url' | 'tariff'>) {
  const sql = connect({ url, as: 'calls', max: 1 })
  let batches = 0
  let events = 0
  const appender = openAppender({
    connection: openAppendConnection(sql),
    marks: new HighWaterMarks(),
    shard: 0,
    instance: 'bench',
    timeoutMs: 30_000,
    onBatch: (items) => {
      batches++
      events += items
    },
  })
  return {
    async run(keys: BenchLedger['keys'], inFlight: number, seconds: number) {
      batches = 0
      events = 0
      const startedAt = performance.now()
      const until = startedAt + seconds * 1_000
      let next = 0
      const client = async () => {
        while (performance.now() < until) {
          await callOnce(appender, tariff, keys[next++ % keys.length] as BenchKey)
        }
      }
      await Promise.all(Array.from({ length: inFlight }, client))
      const eventsPerSecond = (events / (performance.now() - startedAt)) * 1_000
      return { events, eventsPerSecond, meanBatch: events / batches }
    },
    async close() {
      appender.close()
      await sql.end()
    },
  }
}

async function callOnce(appender: Appender, tariff: string, { accountId, keyId }: BenchKey) {
  const call = {
    requestId: Bun.randomUUIDv7(),
    accountId,
    keyId,
    mode: 'live' as const,
    endpoint: 'search',
    tariff,
    actor: `key:${keyId}`,
    credits: 1,
    quantity: 1,
  }
  const held = await appender.append({
    ...{ ...call, kind: 'hold', keyVersion: 1, accountVersion: 2 },
    ...{ previousSecret: false, holdSeconds: 60 },
  })
  if (held.verdict !== 'ok') throw new Error(`hold: ${held.verdict}`)
  const charged = await appender.append({ ...call, kind: 'settle', status: 200, latencyMs: 12 })
  // As a gateway does: what has not left five seconds later is reported as withheld.
  appender.deliveries.leave(charged.position)
}
