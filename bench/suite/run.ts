/** Runs families of the suite, one after the other, on one PostgreSQL, one Redis and copies of one ledger. */
import { append } from '../append.ts'
import { bodies } from '../bodies.ts'
import { calls } from '../calls.ts'
import { gateways } from '../gateways.ts'
import { longLog } from '../long-log.ts'
import { memory } from '../memory.ts'
import { fillLedger } from '../parts/ledger.ts'
import { startRedis } from '../parts/redis.ts'
import type { BenchServer } from '../parts/server.ts'
import { refusals } from '../refusals.ts'
import type { Bench, Family, Sizes } from './bench.ts'
import { describeMachine, loadNow } from './machine.ts'
import type { Results } from './results.ts'
import type { Sample } from './samples.ts'

/** In the order in which they are run. */
export const families: readonly Family[] = [
  ...[calls, refusals, bodies, gateways, append, memory, longLog],
]

export interface RunOptions {
  readonly server: BenchServer
  readonly families: readonly Family[]
  readonly rounds: number
  readonly seconds: number
  readonly warmUpSeconds: number
  readonly sizes: Sizes
  readonly against: readonly string[]
  /** As it was typed. */
  readonly command: string
  /** Called after each family with all that there is until then. */
  readonly save: (results: Results) => Promise<void>
}

export async function runSuite(options: RunOptions): Promise<Results> {
  const { server, rounds, seconds, sizes, against, command } = options
  const startedAt = new Date().toISOString()
  const machine = await describeMachine(server.url)
  const load = [loadNow('before')]
  const samples: Sample[] = []
  const record = (sample: Sample) => void samples.push(sample)
  const soFar = (): Results => {
    const finishedAt = new Date().toISOString()
    return { startedAt, finishedAt, command, machine, rounds, seconds, sizes, load, samples }
  }
  await using redis = await startRedis()
  console.error(`Filling a ledger with ${sizes.accounts} accounts…`)
  const bench: Bench = {
    ...{ redis, rounds, seconds, sizes, against },
    warmUpSeconds: options.warmUpSeconds,
    serverUrl: server.url,
    postgresPid: server.pid,
    ledger: await fillLedger(server.url, 'tollbook_bench_book', sizes.accounts),
    record,
  }
  for (const family of options.families) {
    const begunAt = performance.now()
    await family.run(bench).catch((error) => record(failureOf(family, error)))
    console.error(`${family.name}: ${Math.round((performance.now() - begunAt) / 1_000)} s in all`)
    load.push(loadNow(family.name))
    await options.save(soFar())
  }
  return soFar()
}

/** A family that could not go on does not end the others. */
function failureOf({ name: family }: Family, error: unknown): Sample {
  console.error(error)
  const said = error instanceof Error ? error.message : String(error)
  return { family, row: '', contender: 'the rest', round: 1, figures: {}, error: said }
}
