/** Changes an account and prints it: what most commands about accounts do. */
import type { AccountChange } from '../management/manage-accounts.ts'
import { cliActor } from './cli-actor.ts'
import type { DatabaseArgs } from './database.ts'
import { withLedger } from './open-ledger.ts'
import { json } from './output.ts'
import { printAccount } from './print/print-account.ts'
import { unwrap } from './refusal-error.ts'

export async function changeAccount(
  args: DatabaseArgs & {
    readonly account: string
    readonly reason?: string | undefined
    readonly config?: string | undefined
    readonly json?: boolean | undefined
  },
  change: AccountChange,
): Promise<void> {
  const account = await withLedger(args, async ({ management }) =>
    unwrap(await management.changeAccount(args.account, change, cliActor(args))),
  )
  if (args.json) json(account)
  else printAccount(account)
}
