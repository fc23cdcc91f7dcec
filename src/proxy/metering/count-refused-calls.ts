/**
 * Calls that were refused, of keys that are known: support sees who is blocked, where and why. They are counted in memory and
 * appended as one CallsRefused per key, route, reason and few seconds, and each account's last ones are stored for a day, for
 * whoever asks about one of them. So a refusal costs no append, and whoever causes many fills neither the log nor a table: of an
 * account there are so many events in so many seconds, and so many stored calls. A gateway that dies loses the last few seconds.
 */
import type { Appender } from '../../ledger/append/appender.ts'
import type { KeyRecord } from '../../ledger/read/read-key-by-hash.ts'
import { maxRefusalsKept, type RefusedCall } from '../../ledger/refusals/stored-refusals.ts'
import { LedgerUnavailable } from '../../ledger/unavailable.ts'

export interface RefusedCalls {
  count(call: RefusedCall): void
  /** Writes what was counted. A count that certainly does not reach the ledger is added to the next one. */
  flush(): Promise<void>
  close(): Promise<void>
}

interface Tally {
  readonly key: KeyRecord
  readonly endpoint: string
  readonly reason: string
  calls: number
}

/** What is not written yet of an account. */
interface Account {
  readonly tallies: Map<string, Tally>
  /** The last calls; the oldest is at `next` when they are all there. */
  last: RefusedCall[]
  next: number
}

/** Of an account, in one flush. What is left waits for the next one. */
const maxEventsAtOnce = 5
/** Of an account that has more keys, routes and reasons than these, some refusals are in no count. */
const maxTallies = 1_000

export function openRefusedCalls(
  appenderOf: (shard: number) => Appender,
  store: (calls: readonly RefusedCall[]) => Promise<void>,
  intervalMs: number,
): RefusedCalls {
  const accounts = new Map<string, Account>()
  const timer = setInterval(() => flush(), intervalMs)

  function accountOf(accountId: string): Account {
    const known = accounts.get(accountId)
    if (known) return known
    const account: Account = { tallies: new Map(), last: [], next: 0 }
    accounts.set(accountId, account)
    return account
  }

  function add(key: KeyRecord, endpoint: string, reason: string, calls: number): void {
    const { tallies } = accountOf(key.accountId)
    const name = `${key.keyId} ${endpoint} ${reason}`
    const tally = tallies.get(name)
    if (tally) tally.calls += calls
    else if (tallies.size < maxTallies) tallies.set(name, { key, endpoint, reason, calls })
  }

  async function append({ key, endpoint, reason, calls }: Tally): Promise<void> {
    const { accountId, keyId, mode } = key
    try {
      await appenderOf(key.shard).append({
        ...{ kind: 'count_refused', accountId, keyId, mode, endpoint, actor: `key:${keyId}` },
        ...{ calls, reason },
      })
    } catch (error) {
      // A count that was under way is written when the ledger is back. Added again, it would count twice.
      const mayBeWritten = error instanceof LedgerUnavailable && error.mayBeWritten
      if (!mayBeWritten) add(key, endpoint, reason, calls)
    }
  }

  async function flush(maxEvents = maxEventsAtOnce): Promise<void> {
    const counted: Tally[] = []
    const last: RefusedCall[] = []
    for (const [accountId, account] of accounts) {
      for (const [name, tally] of [...account.tallies].slice(0, maxEvents)) {
        counted.push(tally)
        account.tallies.delete(name)
      }
      last.push(...account.last)
      account.last = []
      account.next = 0
      if (account.tallies.size === 0) accounts.delete(accountId)
    }
    // What explains one call is not worth waiting for a ledger that is away.
    const stored = last.length === 0 ? undefined : store(last).catch(() => {})
    await Promise.all([...counted.map(append), stored])
  }

  return {
    count(call) {
      add(call.key, call.endpoint, call.reason, 1)
      const account = accountOf(call.key.accountId)
      account.last[account.next] = call
      account.next = (account.next + 1) % maxRefusalsKept
    },
    flush: () => flush(),
    async close() {
      clearInterval(timer)
      await flush(maxTallies)
    },
  }
}
