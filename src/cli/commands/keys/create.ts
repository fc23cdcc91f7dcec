/** `tollbook keys create` */

import type { Config } from '../../../config/config.ts'
import { invalidIpEntries } from '../../../gate/authorize/client-ip.ts'
import { isRefused } from '../../../management/decision.ts'
import { cliActor } from '../../cli-actor.ts'
import { command } from '../../command.ts'
import { withLedger } from '../../open-ledger.ts'
import { changeArgs } from '../../options/ledger-args.ts'
import {
  parseAmount,
  parseList,
  parsePositiveInteger,
  parseText,
  parseTime,
} from '../../options/option-values.ts'
import { ownerArgs, ownerOf } from '../../options/owner-args.ts'
import { bold, dim, json, say } from '../../output.ts'
import { printKey } from '../../print/print-key.ts'
import { unwrap } from '../../refusal-error.ts'
import { UsageError } from '../../usage-error.ts'

const args = {
  ...ownerArgs,
  name: { type: 'string', description: 'Name of the key, for lists', default: 'Command line' },
  description: { type: 'string', valueHint: 'TEXT', description: 'What the key is for' },
  test: { type: 'boolean', description: 'Create a test key: it has a balance of its own' },
  endpoints: {
    type: 'string',
    valueHint: 'A,B',
    description: 'Only these permissions of its plan',
  },
  ips: {
    type: 'string',
    valueHint: 'A,B',
    description: 'IP addresses or CIDR ranges from which it works',
  },
  'rate-limit': {
    type: 'string',
    valueHint: 'N',
    description: "Calls in the time span of the plan's rate limit, if fewer than the plan allows",
  },
  'monthly-cap': {
    type: 'string',
    valueHint: 'N',
    description: 'Credits that it may use in a month',
  },
  expires: {
    type: 'string',
    valueHint: 'TIME',
    description: 'When it expires: a time, a day, or a span such as 90d (default: never)',
  },
  ...changeArgs,
} as const

export default command(
  {
    description:
      "Create a key. An owner's first key opens the account, on the default plan. The key is printed once, and kept nowhere.",
    examples: [
      'keys create --user anna --name "Anna\'s laptop"',
      'keys create --organisation acme --endpoints search --ips 203.0.113.0/24 --expires 90d',
    ],
  },
  args,
  async (args) => {
    const owner = ownerOf(args)
    if (!owner) throw new UsageError('whose key? Pass --user ID or --organisation ID.')
    const allowedIps = parseList(args.ips) ?? []
    const [invalid] = invalidIpEntries(allowedIps)
    if (invalid !== undefined) {
      throw new UsageError(`--ips takes addresses and CIDR ranges, not "${invalid}".`)
    }
    const rateLimit = args['rate-limit']
    const monthlyCap = args['monthly-cap']
    const request = {
      name: parseText('--name', args.name, 200),
      mode: args.test ? ('test' as const) : ('live' as const),
      description:
        args.description === undefined ? null : parseText('--description', args.description, 2_000),
      endpoints: parseList(args.endpoints) ?? null,
      allowedIps,
      rateLimit: rateLimit === undefined ? null : parsePositiveInteger('--rate-limit', rateLimit),
      monthlyCap: monthlyCap === undefined ? null : parseAmount('--monthly-cap', monthlyCap, 0),
      expiresAt:
        args.expires === undefined
          ? null
          : parseTime('--expires', args.expires, 'future', new Date()).toISOString(),
    }
    const { key, view } = await withLedger(args, async ({ management, config }) => {
      const issued = await management.issueKey(owner, request, cliActor(args))
      if (isRefused(issued) && issued.refused === 'no_tariff') throw noDefaultPlan(config)
      return unwrap(issued)
    })
    if (args.json) return json({ key, ...view })
    say(`${bold(key)}\n${dim('This is the key. It is printed this once, and kept nowhere.')}\n`)
    printKey(view)
  },
)

/** Mostly the gateways run with another file than this command has read, so it is named. */
function noDefaultPlan({ file, defaultPlan }: Config): UsageError {
  return new UsageError(
    `the tariff in force has no plan ${defaultPlan}, which is the default plan of ${file}. If the gateways run with another file, pass it with --config; "tollbook prices diff ${file}" shows what differs.`,
  )
}
