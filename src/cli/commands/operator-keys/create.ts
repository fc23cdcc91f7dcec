/** `tollbook operator-keys create` */
import { operatorRoles } from '../../../../events/operator-keys.ts'
import { command } from '../../command.ts'
import { withLedger } from '../../open-ledger.ts'
import { configArg, ledgerArgs } from '../../options/ledger-args.ts'
import { parseText, parseTime } from '../../options/option-values.ts'
import { plainActor, plainReasonArg } from '../../options/plain-reason.ts'
import { json } from '../../output.ts'
import { printIssuedOperatorKey } from '../../print/print-operator-keys.ts'
import { unwrap } from '../../refusal-error.ts'
import { UsageError } from '../../usage-error.ts'

const args = {
  name: {
    type: 'string',
    required: true,
    description: 'What it is for, for lists; the log keeps it as it is',
  },
  role: {
    type: 'string',
    required: true,
    description: `What it may do is what an operator of this role may: ${operatorRoles.join(', ')}`,
  },
  expires: {
    type: 'string',
    required: true,
    valueHint: 'TIME',
    description: 'When it expires: a time, a day, or a span such as 90d; at most 366 days ahead',
  },
  ...plainReasonArg,
  ...configArg,
  ...ledgerArgs,
} as const

export default command(
  {
    description:
      'Create an operator key, with which a program asks what an operator of its role may. It is printed once, and kept nowhere.',
    examples: ['operator-keys create --name "Billing export" --role auditor --expires 90d'],
  },
  args,
  async (args) => {
    const role = operatorRoles.find((name) => name === args.role)
    if (role === undefined) {
      throw new UsageError(`--role takes ${operatorRoles.join(', ')}, not "${args.role}".`)
    }
    const request = {
      ...{ name: parseText('--name', args.name, 200), role },
      expiresAt: parseTime('--expires', args.expires, 'future', new Date()).toISOString(),
    }
    const issued = await withLedger(args, async ({ management }) =>
      unwrap(await management.issueOperatorKey(request, plainActor(args))),
    )
    if (args.json) json({ key: issued.key, ...issued.view })
    else printIssuedOperatorKey(issued)
  },
)
