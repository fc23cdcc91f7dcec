/** `tollbook keys create` */
import { invalidIpEntries } from '../../../gate/authorize/client-ip.ts'
import { command } from '../../command.ts'
import { UsageError } from '../../errors.ts'
import { changeArgs, cliActor, unwrap, withLedger } from '../../open-ledger.ts'
import { ownerArgs } from '../../options/key-args.ts'
import { integer, list, moment, positiveInteger } from '../../options/option-values.ts'
import { ownerOf } from '../../options/owner-args.ts'
import { bold, dim, json } from '../../output.ts'
import { printKey } from '../../print/print-key.ts'

const args = {
  ...ownerArgs,
  name: { type: 'string', description: 'What lists call it', default: 'Command line' },
  description: { type: 'string', valueHint: 'TEXT', description: 'What it is for' },
  test: { type: 'boolean', description: 'A test key, with a balance of its own' },
  endpoints: { type: 'string', valueHint: 'A,B', description: 'Permissions it is narrowed to' },
  ips: { type: 'string', valueHint: 'A,B', description: 'Addresses or CIDR ranges it works from' },
  'rate-limit': { type: 'string', valueHint: 'N', description: "Calls in its plan's window" },
  'monthly-cap': { type: 'string', valueHint: 'N', description: 'Credits it may use in a month' },
  expires: { type: 'string', valueHint: 'TIME', description: 'A time, a day, or a span: 90d' },
  ...changeArgs,
} as const

export default command(
  {
    description:
      "Issue a key. An owner's first one opens the account, on the default plan. The key is shown once.",
    examples: [
      'keys create --user anna --name "Anna\'s laptop"',
      'keys create --organisation acme --endpoints search --ips 203.0.113.0/24 --expires 90d',
    ],
  },
  args,
  async (args) => {
    const owner = ownerOf(args)
    if (!owner) throw new UsageError('whose key? Pass --user ID or --organisation ID.')
    const allowedIps = list(args.ips) ?? []
    const [invalid] = invalidIpEntries(allowedIps)
    if (invalid !== undefined) {
      throw new UsageError(`--ips takes addresses and CIDR ranges, not "${invalid}".`)
    }
    const rateLimit = args['rate-limit']
    const monthlyCap = args['monthly-cap']
    const request = {
      name: args.name,
      mode: args.test ? ('test' as const) : ('live' as const),
      description: args.description ?? null,
      endpoints: list(args.endpoints) ?? null,
      allowedIps,
      rateLimit: rateLimit === undefined ? null : positiveInteger('rate-limit', rateLimit),
      monthlyCap: monthlyCap === undefined ? null : integer('--monthly-cap', monthlyCap, 0),
      expiresAt:
        args.expires === undefined
          ? null
          : moment('expires', args.expires, 'ahead', new Date()).toISOString(),
    }
    const { key, view } = await withLedger(args, async ({ management }) =>
      unwrap(await management.issueKey(owner, request, cliActor(args))),
    )
    if (args.json) return json({ key, ...view })
    console.log(
      `${bold(key)}\n${dim('This is the key. It is shown this once and kept nowhere.')}\n`,
    )
    printKey(view)
  },
)
