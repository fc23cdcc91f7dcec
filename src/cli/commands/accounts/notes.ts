/** `tollbook accounts notes` */
import { type NotePage, readNotes } from '../../../reports/account/account-notes.ts'
import { findFirstEvent } from '../../../reports/log-reader/find-account.ts'
import { command } from '../../command.ts'
import { withManagementSql } from '../../open-ledger.ts'
import { accountArg } from '../../options/account-arg.ts'
import { cursorArgs, orBadCursor, printNextPage } from '../../options/cursor-args.ts'
import { ledgerArgs } from '../../options/ledger-args.ts'
import { parsePositiveInteger } from '../../options/option-values.ts'
import { dim, json, say, table, time } from '../../output.ts'
import { UsageError } from '../../usage-error.ts'

const args = { ...accountArg, ...cursorArgs('Notes'), ...ledgerArgs } as const

export default command(
  {
    description: 'List the notes on an account, the newest first.',
    examples: ['accounts notes acc_…', 'accounts notes acc_… --json'],
  },
  args,
  async (args) => {
    const page = { after: args.cursor, limit: parsePositiveInteger('--limit', args.limit) }
    const found = await withManagementSql(args, async (sql) => {
      if (!(await findFirstEvent(sql, args.account))) {
        throw new UsageError(`the ledger has no account ${args.account}.`)
      }
      return readNotes(sql, args.account, page)
    })
    const notes = orBadCursor(found)
    if (args.json) json(notes)
    else print(notes)
  },
)

function print({ notes, total, next }: NotePage): void {
  if (notes.length === 0) {
    say(dim('No notes.'))
    return
  }
  table(
    ['Written (UTC)', 'By', 'Note'],
    notes.map(({ writtenAt, actor, text }) => [time(writtenAt), actor, text ?? '(erased)']),
  )
  printNextPage(notes.length, total, next)
}
