/** Bugs to be planted, one at a time: the simulation must find each, by the invariant that it breaks. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { plugin } from 'bun'
import { type Edit, edited } from '../faults/edits.ts'

export interface Bug {
  readonly name: string
  readonly says: string
  /** The invariant that must find it. */
  readonly breaks: string
  /** In the gateways' source. */
  readonly source?: readonly Edit[]
  /** In the ledger, which is SQL: what the ledger in memory then leaves out. */
  readonly ledger?: LedgerBug
}

export type LedgerBug =
  | 'forgets-budgets'
  | 'lets-all-roll-over'
  | 'gives-overage-again'
  | 'forgets-volumes'
  | 'opens-twice'
  | 'compares-no-log'
  | 'trusts-its-clock'

export const bugs: readonly Bug[] = [
  {
    name: 'resends-unread-reply',
    says: 'a batch of which one result cannot be read is sent again without end',
    breaks: 'every wait ends',
    source: [
      {
        file: 'src/ledger/append/append-reply.ts',
        from: 'return new UndecodableResult(`',
        to: 'throw new UndecodableReply(`',
      },
      {
        file: 'src/ledger/append/producer.ts',
        from: 'if (++batch.unreadReplies >= maxUnreadReplies) this.abandon(batch)',
        to: '',
      },
    ],
  },
  {
    name: 'delivers-late',
    says: 'a gateway that was stopped delivers a response whose charge was refunded meanwhile',
    breaks: 'a refunded response is not delivered',
    source: [
      {
        file: 'src/proxy/proxy.ts',
        from: 'if (!charged || letLeave(charged.charge)) return responded',
        to: 'if (!charged || letLeave(charged.charge) || true) return responded',
      },
    ],
  },
  {
    name: 'opens-twice',
    says: 'the ledger takes what opens a request, whether or not something has opened it',
    breaks: 'a request is opened once',
    ledger: 'opens-twice',
  },
  {
    name: 'forgets-budgets',
    says: 'the ledger asks no budget whether it has enough left',
    breaks: 'no budget is exceeded',
    ledger: 'forgets-budgets',
  },
  {
    name: 'lets-all-roll-over',
    says: 'the ledger lets nothing lapse of allowances of earlier months',
    breaks: 'no more rolls over than the plan says',
    ledger: 'lets-all-roll-over',
  },
  {
    name: 'gives-overage-again',
    says: 'the ledger gives the overage of a month with every purchase',
    breaks: 'overage stops at its most',
    ledger: 'gives-overage-again',
  },
  {
    name: 'forgets-volumes',
    says: 'the ledger sells every call in the first tier of the month',
    breaks: 'a tier costs what the month costs',
    ledger: 'forgets-volumes',
  },
  {
    name: 'compares-no-log',
    says: 'the ledger takes the next batch of a gateway that has seen more of the log, or another one',
    breaks: 'nothing is sold after the log was put back',
    ledger: 'compares-no-log',
  },
  {
    name: 'trusts-its-clock',
    says: 'the ledger writes at whatever time its clock shows',
    breaks: 'nothing is written before its time',
    ledger: 'trusts-its-clock',
  },
]

const root = join(import.meta.dir, '../..')

/** Makes the edits when the files are loaded, so before any of them is. */
export function plant(edits: readonly Edit[]): void {
  plugin({
    name: 'planted bug',
    setup(build) {
      build.onLoad({ filter: /\/src\/.*\.ts$/ }, ({ path }) => {
        const mine = edits.filter(({ file }) => join(root, file) === path)
        return { contents: mine.reduce(edited, readFileSync(path, 'utf8')), loader: 'ts' }
      })
    },
  })
}
