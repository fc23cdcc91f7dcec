/** `tollbook grants add` */

import { cliActor } from '../../cli-actor.ts'
import { command } from '../../command.ts'
import { withLedger } from '../../open-ledger.ts'
import {
  amountOf,
  creditArgs,
  creditsOf,
  externalIdArg,
  externalIdOf,
  testArg,
} from '../../options/credit-args.ts'
import { changeArgs } from '../../options/ledger-args.ts'
import { isSpan, parseAmount, parseTime } from '../../options/option-values.ts'
import { json, say } from '../../output.ts'
import { unwrap } from '../../refusal-error.ts'
import { requirePaidWorth } from '../../require-paid-worth.ts'
import { UsageError } from '../../usage-error.ts'

const args = {
  ...creditArgs,
  kind: { type: 'string', description: 'promotional or paid', default: 'promotional' },
  paid: {
    type: 'string',
    valueHint: 'EUR:1900',
    description: 'What was paid, in the smallest unit of a currency; implies --kind paid',
  },
  starts: {
    type: 'string',
    valueHint: 'TIME',
    description: 'When the credits can first be used (default: now)',
  },
  expires: {
    type: 'string',
    valueHint: 'TIME',
    description: 'When they expire: a time, a day, or a span such as 90d (default: never)',
  },
  ...testArg,
  yes: {
    type: 'boolean',
    description: 'Confirm that the credits are worth more than ten times what was paid, or less',
  },
  ...externalIdArg,
  ...changeArgs,
} as const

export default command(
  {
    description: 'Grant credits to an account, as a lot with its own expiry.',
    examples: [
      'grants add acc_… 500 --expires 90d --reason "sorry for Monday"',
      'grants add acc_… 10000 --paid EUR:4900 --external-id invoice-4711',
    ],
  },
  args,
  async (args) => {
    const paid = args.paid === undefined ? undefined : paidOf(args.paid)
    const now = new Date()
    const grant = {
      kind: paid ? ('paid' as const) : kindOf(args.kind),
      mode: args.test ? ('test' as const) : ('live' as const),
      ...(paid && { paid }),
      ...(args.starts !== undefined && {
        startsAt: parseTime('--starts', args.starts, 'future', now).toISOString(),
      }),
      ...(args.expires !== undefined && {
        expiresAt: parseTime('--expires', args.expires, 'future', now).toISOString(),
      }),
      spans: {
        ...(args.starts !== undefined && isSpan(args.starts) && { startsAt: args.starts }),
        ...(args.expires !== undefined && isSpan(args.expires) && { expiresAt: args.expires }),
      },
      ...externalIdOf(args['external-id']),
    }
    const granted = await withLedger(args, async ({ management }) => {
      const credits = creditsOf(args.credits)
      if (paid && !args.yes) requirePaidWorth(credits, paid)
      return unwrap(await management.grant(args.account, { ...grant, credits }, cliActor(args)))
    })
    if (args.json) json(granted)
    else say(`${amountOf(granted.credits)} granted: lot ${granted.position}.`)
  },
)

function kindOf(text: string): 'paid' | 'promotional' {
  if (text === 'paid' || text === 'promotional') return text
  throw new UsageError(`--kind takes promotional or paid, not "${text}".`)
}

function paidOf(text: string): { minorUnits: number; currency: string } {
  const match = /^([A-Z]{3}):(\d{1,15})$/.exec(text)
  if (!match)
    throw new UsageError(`--paid takes a value such as EUR:1900 (for €19), not "${text}".`)
  return { currency: match[1] ?? '', minorUnits: parseAmount('--paid', match[2] ?? '', 0) }
}
