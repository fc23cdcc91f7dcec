/** `tollbook events` */
import { command } from '../command.ts'
import { eventFilterOf } from '../events/event-filter.ts'
import { eventAsJson, eventAsText } from '../events/event-line.ts'
import { followLog, printLog } from '../events/print-log.ts'
import { withManagementSql } from '../open-ledger.ts'
import { ledgerArgs } from '../options/ledger-args.ts'
import { parsePositiveInteger } from '../options/option-values.ts'
import { UsageError } from '../usage-error.ts'

const args = {
  account: { type: 'string', valueHint: 'ID', description: 'Only events of this account' },
  key: { type: 'string', valueHint: 'ID', description: 'Only events of this key' },
  type: {
    type: 'string',
    valueHint: 'A,B',
    description: 'Only events of these types, such as KeyRevoked',
  },
  from: { type: 'string', valueHint: 'WHERE', description: 'A position (0-1234), a time, or 24h' },
  to: {
    type: 'string',
    valueHint: 'WHERE',
    description: 'Last position, or a time: only events before it',
  },
  limit: { type: 'string', valueHint: 'N', description: 'Number of events at most (default: all)' },
  follow: {
    type: 'boolean',
    description: 'Go on with new events as they come; without --from, print only those',
  },
  ...ledgerArgs,
} as const

export default command(
  {
    description:
      'Print the log: all of it, or the events of an account, a key, a type, a time. With --json, each line is one event.',
    examples: [
      'events --account acc_… --from 2026-01-01 --to 2026-02-01',
      'events --type KeyRevoked,AccountFrozen --from 7d',
      'events --follow --json',
    ],
  },
  args,
  (args) =>
    // With each event goes the reason that was given for it.
    withManagementSql(args, async (sql) => {
      const filter = eventFilterOf(args)
      const lineOf = args.json ? eventAsJson : eventAsText
      const limit =
        args.limit === undefined ? undefined : parsePositiveInteger('--limit', args.limit)
      if (!args.follow) return printLog(sql, filter, limit, lineOf)
      if (limit !== undefined) throw new UsageError('pass --follow or --limit, not both.')
      await followLog(sql, filter, args.from === undefined, lineOf)
    }),
)
