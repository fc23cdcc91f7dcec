/** `tollbook keys list` */
import type { Owner } from '../../../lib/ids.ts'
import { command } from '../../command.ts'
import { withLedger } from '../../open-ledger.ts'
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
  page: { type: 'string', valueHint: 'N', description: 'Page to print', default: '1' },
  limit: { type: 'string', valueHint: 'N', description: 'Keys on a page', default: '50' },
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
    const page = parsePositiveInteger('--page', args.page)
    const ofPage = { offset: (page - 1) * limit, limit }
    const found = await withLedger(args, async ({ management }) => {
      const owner = await ownerNamed(args.account, ownerOf(args), management)
      if (!owner) return management.pageOfKeys({ plan: args.plan, active: args.active }, ofPage)
      const all = (await management.listKeys(owner)).filter(
        (key) =>
          (args.plan === undefined || key.plan === args.plan) &&
          (args.active === undefined || (key.enabled && key.revokedAt === null) === args.active),
      )
      return { keys: all.slice(ofPage.offset, ofPage.offset + limit), total: all.length }
    })
    if (args.json) json(found)
    else printKeys(found.keys, found.total)
  },
)

async function ownerNamed(
  accountId: string | undefined,
  owner: Owner | undefined,
  management: { readAccount(id: string): Promise<{ readonly owner: Owner } | undefined> },
): Promise<Owner | undefined> {
  if (accountId === undefined) return owner
  if (owner) throw new UsageError('pass --account or an owner, not both.')
  const account = await management.readAccount(accountId)
  if (!account) throw new UsageError(`the ledger has no account ${accountId}.`)
  return account.owner
}
