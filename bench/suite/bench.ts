/** What every family of the suite is given, and what it is. */
import type { BenchLedger } from '../parts/ledger.ts'
import type { BenchRedis } from '../parts/redis.ts'
import type { Sample } from './samples.ts'

export interface Bench {
  /** Of the PostgreSQL server; a superuser's. */
  readonly serverUrl: string
  /** The server's first process, where it is ours. */
  readonly postgresPid: number | undefined
  readonly redis: BenchRedis
  /** Accounts with a key each. Nobody is served from it: a family takes a copy. */
  readonly ledger: BenchLedger
  /** Of which figures are medians. */
  readonly rounds: number
  /** Of each measurement. */
  readonly seconds: number
  /** Of load on every contender before its first measurement, until what runs often is compiled. */
  readonly warmUpSeconds: number
  readonly sizes: Sizes
  /** Folders of other checkouts, which take turns with this one in `cost` and `append`. */
  readonly against: readonly string[]
  record(sample: Sample): void
}

export interface Sizes {
  /** Of the ledger, and so keys. */
  readonly accounts: number
  /** Of the long log. */
  readonly logEvents: number
  /** Keys that call once each, for the memory they take. */
  readonly cachedKeys: number
  /** An hour's worth of calls. */
  readonly hourOfCalls: number
}

export interface Family {
  readonly name: string
  /** For the list of what there is. */
  readonly summary: string
  run(bench: Bench): Promise<void>
}
