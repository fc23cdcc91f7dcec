/**
 * Events per second of the append: half holds, half settlements, through the gateway's own group commit,
 * with so many calls in flight that batches reach the size asked for.
 */
import Table from 'cli-table3'
import { openAppender } from '../src/ledger/appender.ts'
import { connect } from '../src/ledger/connect.ts'
import { median } from './calls.ts'
import { type BenchBook, fillBook } from './parts/book.ts'

export async function benchAppend(serverUrl: string, seconds: number, rounds: number) {
  const table = new Table({
    head: ['accounts', 'in flight', 'events/s', 'min–max', 'mean batch'],
    style: { head: [], border: [] },
    colAligns: ['right', 'right', 'right', 'right', 'right'],
  })
  for (const accounts of [1, 10_000]) {
    console.error(`Filling a book with ${accounts} accounts…`)
    const book = await fillBook(serverUrl, 'tollbook_bench_append', accounts)
    for (const inFlight of [1, 50, 100, 200, 1_000]) {
      const rates: number[] = []
      let meanBatch = 0
      for (let round = 0; round < rounds; round++) {
        const measured = await runAppends(book, inFlight, seconds)
        rates.push(measured.eventsPerSecond)
        meanBatch = measured.meanBatch
      }
      table.push([
        accounts,
        inFlight,
        Math.round(median(rates)),
        `${Math.round(Math.min(...rates))}–${Math.round(Math.max(...rates))}`,
        meanBatch.toFixed(1),
      ])
    }
  }
  console.log(`\nappend, one connection, ${rounds} rounds of ${seconds} s, medians\n`)
  console.log(table.toString())
}

/** Half holds, half settlements, for so long, over as many calls in flight. */
export async function runAppends(book: BenchBook, inFlight: number, seconds: number) {
  const sql = connect({ url: book.url, as: 'serving', max: 1 })
  let batches = 0
  let events = 0
  const appender = openAppender({
    sql,
    shard: 0,
    instance: 'bench',
    deadlineMs: 30_000,
    observe: (items) => {
      batches++
      events += items
    },
  })
  const until = performance.now() + seconds * 1_000
  const startedAt = performance.now()
  let next = 0
  const caller = async () => {
    while (performance.now() < until) {
      const { accountId, keyId } = book.keys[next++ % book.keys.length] as BenchBook['keys'][number]
      const call = {
        requestId: Bun.randomUUIDv7(),
        accountId,
        keyId,
        mode: 'live' as const,
        endpoint: 'search',
        tariff: book.tariff,
        actor: `key:${keyId}`,
        credits: 1,
        quantity: 1,
      }
      const held = await appender.append({
        ...{ ...call, kind: 'hold', keyVersion: 1, accountVersion: 2 },
        ...{ previousSecret: false, holdSeconds: 60 },
      })
      if (held.verdict !== 'ok') throw new Error(`hold: ${held.verdict}`)
      await appender.append({ ...call, kind: 'settle', status: 200, latencyMs: 12 })
    }
  }
  await Promise.all(Array.from({ length: inFlight }, caller))
  const elapsedMs = performance.now() - startedAt
  appender.close()
  await sql.end()
  return { events, eventsPerSecond: (events / elapsedMs) * 1_000, meanBatch: events / batches }
}
