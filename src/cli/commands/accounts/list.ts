/** `tollbook accounts list` */
import {
  type AccountPage,
  type ListedAccount,
  readAccountPage,
} from '../../../reports/account/account-page.ts'
import { command } from '../../command.ts'
import { withManagementSql } from '../../open-ledger.ts'
import { cursorArgs, orBadCursor, printNextPage } from '../../options/cursor-args.ts'
import { ledgerArgs } from '../../options/ledger-args.ts'
import { parsePositiveInteger, parseText } from '../../options/option-values.ts'
import { asCredits, dim, json, say, table, time } from '../../output.ts'
import { UsageError } from '../../usage-error.ts'

const args = {
  plan: { type: 'string', description: 'Only accounts on this plan' },
  state: {
    type: 'string',
    valueHint: 'STATE',
    description: 'Only open, frozen or erased accounts',
  },
  search: {
    type: 'string',
    valueHint: 'TEXT',
    description: 'Only accounts with this in their name, contact or owner, or with this id',
  },
  ...cursorArgs('Accounts'),
  ...ledgerArgs,
} as const

export default command(
  {
    description: 'List accounts, the newest first.',
    examples: [
      'accounts list --plan pro',
      'accounts list --search acme',
      'accounts list --state frozen --json',
    ],
  },
  args,
  async (args) => {
    const limit = parsePositiveInteger('--limit', args.limit)
    const filter = { plan: args.plan, state: stateOf(args.state), search: searchOf(args.search) }
    const page = { after: args.cursor, limit }
    const found = orBadCursor(
      await withManagementSql(args, (sql) => readAccountPage(sql, filter, page)),
    )
    if (args.json) json(found)
    else print(found)
  },
)

function stateOf(text: string | undefined): ListedAccount['state'] | undefined {
  if (text === undefined || text === 'open' || text === 'frozen' || text === 'erased') return text
  throw new UsageError(`--state takes open, frozen or erased, not "${text}".`)
}

function searchOf(text: string | undefined): string | undefined {
  return text === undefined ? undefined : parseText('--search', text, 255)
}

function print({ accounts, total, next }: AccountPage): void {
  if (accounts.length === 0) {
    say(dim('No accounts.'))
    return
  }
  table(
    ['Account', 'Name', 'Owner', 'Plan', 'State', 'Keys', 'Used this month', 'Opened (UTC)'],
    accounts.map((account) => [
      account.accountId,
      account.name,
      `${account.owner.kind} ${account.owner.id}`,
      account.plan,
      account.state,
      account.keys,
      asCredits(account.creditsUsed),
      time(account.openedAt),
    ]),
  )
  printNextPage(accounts.length, total, next)
}
