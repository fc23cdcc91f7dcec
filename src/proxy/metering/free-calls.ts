/**
 * Calls of price 0: counted in memory and appended as one CallsCounted per key, route and few seconds.
 * They cost no append each, and a gateway that dies loses at most the last few seconds of a count that
 * nobody is billed for.
 */
import type { Appender } from '../../ledger/append/appender.ts'
import { LedgerUnavailable } from '../../ledger/append/call-commands.ts'
import type { KeyRecord } from '../../ledger/read/read-for-calls.ts'

export interface FreeCalls {
  count(key: KeyRecord, endpoint: string, latencyMs: number, failed: boolean): void
  /** Appends what was counted; what surely does not reach the ledger is counted again with the next. */
  flush(): Promise<void>
  close(): Promise<void>
}

interface Tally {
  readonly key: KeyRecord
  readonly endpoint: string
  calls: number
  errors: number
  latencyMsSum: number
}

export function openFreeCalls(appenderOf: (shard: number) => Appender, everyMs: number): FreeCalls {
  let tallies = new Map<string, Tally>()
  const timer = setInterval(flush, everyMs)

  function add(key: KeyRecord, endpoint: string, more: Omit<Tally, 'key' | 'endpoint'>): void {
    const name = `${key.keyId} ${endpoint}`
    const tally = tallies.get(name) ?? { key, endpoint, calls: 0, errors: 0, latencyMsSum: 0 }
    tally.calls += more.calls
    tally.errors += more.errors
    tally.latencyMsSum += more.latencyMsSum
    tallies.set(name, tally)
  }

  async function flush(): Promise<void> {
    const counted = [...tallies.values()]
    tallies = new Map()
    await Promise.all(
      counted.map(async (tally) => {
        const { key, endpoint, calls, errors, latencyMsSum } = tally
        const { accountId, keyId, mode } = key
        const actor = `key:${keyId}`
        try {
          await appenderOf(key.shard).append({
            ...{ kind: 'count', accountId, keyId, mode, endpoint, actor },
            ...{ calls, errors, latencyMsSum },
          })
        } catch (error) {
          // What was on its way is written when the ledger is back: counted again, it would stand there twice.
          const mayBeWritten = error instanceof LedgerUnavailable && error.mayBeWritten
          if (!mayBeWritten) add(key, endpoint, tally)
        }
      }),
    )
  }

  return {
    count(key, endpoint, latencyMs, failed) {
      add(key, endpoint, { calls: 1, errors: failed ? 1 : 0, latencyMsSum: Math.round(latencyMs) })
    },
    flush,
    async close() {
      clearInterval(timer)
      await flush()
    },
  }
}
