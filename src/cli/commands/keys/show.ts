/** `tollbook keys show` */

import { command } from '../../command.ts'
import { withLedger } from '../../open-ledger.ts'
import { keyArg } from '../../options/key-arg.ts'
import { configArg, ledgerArgs } from '../../options/ledger-args.ts'
import { json } from '../../output.ts'
import { printKey } from '../../print/print-key.ts'
import { UsageError } from '../../usage-error.ts'

const args = { ...keyArg, ...configArg, ...ledgerArgs } as const

export default command(
  { description: 'Print one key: its owner, what it may do, what it used.' },
  args,
  async (args) => {
    const key = await withLedger(args, ({ management }) => management.readKey('everyone', args.key))
    if (!key) throw new UsageError(`the ledger has no key ${args.key}; see "tollbook keys list".`)
    if (args.json) json(key)
    else printKey(key)
  },
)
