/** Changes a key and prints it. */
import type { KeyChange } from '../management/manage-keys.ts'
import { cliActor } from './cli-actor.ts'
import type { DatabaseArgs } from './database.ts'
import { withLedger } from './open-ledger.ts'
import { json } from './output.ts'
import { printKey } from './print/print-key.ts'
import { unwrap } from './refusal-error.ts'

export async function changeKey(
  args: DatabaseArgs & {
    readonly key: string
    readonly reason?: string | undefined
    readonly config?: string | undefined
    readonly json?: boolean | undefined
  },
  change: KeyChange,
): Promise<void> {
  const key = await withLedger(args, async ({ management }) =>
    unwrap(await management.updateKey('everyone', args.key, change, cliActor(args))),
  )
  if (args.json) json(key)
  else printKey(key)
}
