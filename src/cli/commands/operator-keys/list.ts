/** `tollbook operator-keys list` */
import { command } from '../../command.ts'
import { withLedger } from '../../open-ledger.ts'
import { configArg, ledgerArgs } from '../../options/ledger-args.ts'
import { json } from '../../output.ts'
import { printOperatorKeys } from '../../print/print-operator-keys.ts'

const args = { ...configArg, ...ledgerArgs } as const

export default command(
  {
    description: 'List operator keys, the newest first. Those that are over are among them.',
    examples: ['operator-keys list', 'operator-keys list --json'],
  },
  args,
  async (args) => {
    const keys = await withLedger(args, ({ management }) => management.listOperatorKeys())
    if (args.json) json({ operatorKeys: keys })
    else printOperatorKeys(keys)
  },
)
