/** `tollbook accounts limits` */

import { changeAccount } from '../../change-account.ts'
import { command } from '../../command.ts'
import { accountArg } from '../../options/account-arg.ts'
import { changeArgs } from '../../options/ledger-args.ts'
import { parsePositiveInteger } from '../../options/option-values.ts'
import { UsageError } from '../../usage-error.ts'

const args = {
  ...accountArg,
  'rate-limit': {
    type: 'string',
    valueHint: 'N|plan',
    description:
      "Calls in the time span of the plan's rate limit; the word plan: as many as the plan allows",
  },
  'max-in-flight': {
    type: 'string',
    valueHint: 'N|plan',
    description: 'Calls in flight at once; the word plan: as many as the plan allows',
  },
  ...changeArgs,
} as const

export default command(
  {
    description: "Give an account limits of its own, instead of its plan's.",
    examples: ['accounts limits acc_… --rate-limit 500', 'accounts limits acc_… --rate-limit plan'],
  },
  args,
  async (args) => {
    const rateLimit = limitOf('--rate-limit', args['rate-limit'])
    const maxInFlight = limitOf('--max-in-flight', args['max-in-flight'])
    if (rateLimit === undefined && maxInFlight === undefined) {
      throw new UsageError('which limit? Pass --rate-limit or --max-in-flight.')
    }
    await changeAccount(args, {
      ...(rateLimit !== undefined && { rateLimit }),
      ...(maxInFlight !== undefined && { maxInFlight }),
    })
  },
)

function limitOf(name: string, text: string | undefined): number | null | undefined {
  if (text === undefined) return undefined
  return text === 'plan' ? null : parsePositiveInteger(name, text)
}
