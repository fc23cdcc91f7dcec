/** `tollbook keys list` */
import { accountIdOf, type Owner } from '../../../lib/ids.ts'
import type { Management } from '../../../management/management.ts'
import { command } from '../../command.ts'
import { withLedger } from '../../open-ledger.ts'
import { cursorArgs, orBadCursor, printNextPage } from '../../options/cursor-args.ts'
import { configArg, ledgerArgs } from '../../options/ledger-args.ts'
import { parsePositiveInteger } from '../../options/option-values.ts'
import { ownerArgs, ownerOf } from '../../options/owner-args.ts'
import { json } from '../../output.ts'
import { printKeys } from '../../print/print-key.ts'
import { UsageError } from '../../usage-error.ts'

const args = {
  account: { type: 'string', valueHint: 'ID', description: 'Only keys of this account (acc_…)' },
  ...ownerArgs,
  plan: { type: 'string', description: 'Only keys of accounts on this plan' },
  active: { type: 'boolean', description: 'Only enabled keys; --active=false: only the others' },
  ...cursorArgs('Keys'),
  ...configArg,
  ...ledgerArgs,
} as const

export default command(
  {
    description: 'List keys, the newest first: of an owner, or of everyone.',
    examples: ['keys list --user anna', 'keys list --plan free --active --json'],
  },
  args,
  async (args) => {
    const limit = parsePositiveInteger('--limit', args.limit)
    const { plan, active } = args
    const found = await withLedger(args, async ({ management }) => {
      const accountId = await accountNamed(args.account, ownerOf(args), management)
      return management.pageOfKeys({ accountId, plan, active }, { after: args.cursor, limit })
    })
    const page = orBadCursor(found)
    if (args.json) json(page)
    else {
      printKeys(page.keys)
      printNextPage(page.keys.length, page.total, page.next)
    }
  },
)

async function accountNamed(
  accountId: string | undefined,
  owner: Owner | undefined,
  management: Pick<Management, 'readAccount'>,
): Promise<string | undefined> {
  if (accountId === undefined) return owner && accountIdOf(owner)
  if (owner) throw new UsageError('pass --account or an owner, not both.')
  const account = await management.readAccount(accountId)
  if (!account) throw new UsageError(`the ledger has no account ${accountId}.`)
  return accountId
}
