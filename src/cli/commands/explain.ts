/** `tollbook explain` */
import type { Config } from '../../config/config.ts'
import { maxRefusalsKept, readStoredRefusal } from '../../ledger/refusals/stored-refusals.ts'
import { explainCall } from '../../reports/explain/explain-call.ts'
import { explainVerdict, type VerdictQuery } from '../../reports/explain/explain-verdict.ts'
import { command } from '../command.ts'
import { configOf } from '../config-of.ts'
import type { DatabaseArgs } from '../database.ts'
import { withSql } from '../open-ledger.ts'
import { parseCounted } from '../options/counted-option.ts'
import { configArg, ledgerArgs } from '../options/ledger-args.ts'
import { parseAmount, parsePositionOrTime, parseTime } from '../options/option-values.ts'
import { formatNumber, json } from '../output.ts'
import { printCall, printRefused, printVerdict } from '../print/print-explanation.ts'
import { unknownName } from '../unknown-name.ts'
import { unpricedCall } from '../unpriced-call.ts'
import { UsageError } from '../usage-error.ts'

const args = {
  request: {
    type: 'positional',
    required: false,
    description:
      'X-Request-Id of a call that credits were held for, or of one that was refused within a day',
  },
  key: {
    type: 'string',
    valueHint: 'ID',
    description: 'Instead of a request: explain what the ledger decides about a call of this key',
  },
  at: {
    type: 'string',
    valueHint: 'WHERE',
    description: 'With --key: the position in a 402 response, or a time (default: now)',
  },
  time: {
    type: 'string',
    valueHint: 'TIME',
    description: 'With --at POSITION: a later time, at which the log still ended there',
  },
  route: {
    type: 'string',
    valueHint: 'ROUTE',
    description: 'With --key: the route, by its id or path, such as search',
  },
  quantity: {
    type: 'string',
    valueHint: 'N',
    description:
      'With --key: the quantity, such as characters or seconds (default: 1); of several components images=2,pixels=300',
  },
  by: {
    type: 'string',
    valueHint: 'NAME',
    description: "With --key: the name in the price's table, where its rates go by a value",
  },
  credits: {
    type: 'string',
    valueHint: 'N',
    description:
      'With --key, instead of --quantity: the credits that the call needs, as a 402 says',
  },
  ...configArg,
  ...ledgerArgs,
} as const

export default command(
  {
    description:
      'Explain why a call was charged what it was, or why it was refused. The decision is made again from the log.',
    examples: [
      'explain 01a20445-9cfb-7065-a159-89f00cd16545',
      'explain --key key_… --at 0-1234 --route search',
      'explain --key key_… --at 2026-10-31T23:59:00Z --route tts-synthesize --quantity 2500',
      'explain --key key_… --route images --quantity images=2 --by fine',
    ],
  },
  args,
  async (args) => {
    const { request, key } = args
    if ((request === undefined) === (key === undefined)) {
      throw new UsageError('explain what? Pass a request id, or --key with --at and --route.')
    }
    if (request !== undefined) {
      const { found, refused } = await withSql(args, async (sql) => {
        const found = await explainCall(sql, request)
        return { found, refused: found ? undefined : await readStoredRefusal(sql, request) }
      })
      if (found) args.json ? json(found) : printCall(found)
      else if (refused) args.json ? json({ refused }) : printRefused(refused, sameOptions(args))
      else throw new UsageError(nothingHeld(request))
      return
    }
    const query = verdictQueryOf({ ...args, key: key ?? '' })
    const found = await withSql(args, (sql) => explainVerdict(sql, query))
    if (!found) throw new UsageError(`the ledger has no key ${key}.`)
    if (found === 'not_reached')
      throw new UsageError('the log of this key does not reach that far.')
    const { rule, counted } = found.call
    const problem = rule && counted ? unpricedCall(rule, counted) : undefined
    if (problem !== undefined) throw new UsageError(problem)
    if (args.json) json(found)
    else printVerdict(found)
  },
)

function verdictQueryOf(
  args: DatabaseArgs & {
    readonly key: string
    readonly at?: string | undefined
    readonly time?: string | undefined
    readonly route?: string | undefined
    readonly quantity?: string | undefined
    readonly by?: string | undefined
    readonly credits?: string | undefined
    readonly config?: string | undefined
  },
): VerdictQuery {
  if (args.route === undefined) throw new UsageError('which route? Pass --route search.')
  const time =
    args.time === undefined ? undefined : parseTime('--time', args.time, 'past', new Date())
  if ((args.quantity ?? args.by) !== undefined && args.credits !== undefined) {
    throw new UsageError('--quantity and --credits say the same of a call: pass one.')
  }
  const counted =
    args.credits === undefined
      ? parseCounted(args.quantity, args.by)
      : { credits: parseAmount('--credits', args.credits, 0) }
  return {
    keyId: args.key,
    at: parsePositionOrTime('--at', args.at) ?? new Date(),
    ...(time && { time }),
    counted,
    ...routeOf(args.route, configOf(args)),
  }
}

/** Finds a route by its id or path. Its permission is in the configuration; its price at that time is in the ledger. */
function routeOf(text: string, { routes, file }: Config): { route: string; permission: string } {
  const known = Object.values(routes)
  const route = known.find(({ id, path }) => id === text || path === text)
  if (route) return { route: route.id, permission: route.permission }
  throw unknownName(
    'route',
    text,
    known.map(({ id }) => id),
    ` in ${file}`,
  )
}

/** What names the same ledger and configuration again. An address can have a password, so it is not repeated. */
function sameOptions(args: DatabaseArgs & { readonly config?: string | undefined }): string {
  const { database, data, config } = args
  return [
    database === undefined ? '' : ' --database URL',
    data === undefined ? '' : ` --data ${quoted(data)}`,
    config === undefined ? '' : ` --config ${quoted(config)}`,
  ].join('')
}

function quoted(text: string): string {
  return /^[\w./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`
}

function nothingHeld(requestId: string): string {
  return `nothing was ever held for ${requestId}: the call cost nothing, was refused, or was not made. Of refused calls, each account's last ${formatNumber(maxRefusalsKept)} are known for a day. "explain --key KEY --at POSITION --route ROUTE" explains a refusal.`
}
