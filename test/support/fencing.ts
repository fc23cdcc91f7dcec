/** Time passes for the ledger, and some of its producers append meanwhile as those of living gateways do. */
import { fenceProducers } from '../../src/ledger/append/fence-producers.ts'
import { openProducer, type Producer } from './producer.ts'
import type { Ledger } from './test-ledger.ts'

/** Lets so many seconds pass, in which these producers append every third second. */
export async function passSteadily(
  ledger: Ledger,
  seconds: number,
  producers: readonly Producer[],
): Promise<void> {
  for (let passed = 0; passed < seconds; passed += 3) {
    await ledger.advance(Math.min(3, seconds - passed) * 1_000)
    for (const producer of producers) await producer.send([])
  }
}

/** Every producer but one falls silent until that one fences them. Returns how many it fenced. */
export async function fenceSilent(ledger: Ledger): Promise<number> {
  const steady = await openProducer(ledger.sql, 0, `steady-${crypto.randomUUID().slice(0, 8)}`)
  await passSteadily(ledger, 61, [steady])
  return fenceProducers(ledger.sql, 0, steady.producer, 60)
}
