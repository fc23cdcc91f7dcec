/**
 * How every change of keys and accounts is made: read what is, decide, record what follows together with
 * the versions it was decided on. When one of them moved on meanwhile, the ledger refuses and it all begins
 * again, so no decision ever rests on what is no longer so.
 */
import type { NewEvent } from '../../events/event.ts'
import type {
  Commands,
  ExpectedVersion,
  RecordCommand,
} from '../ledger/commands/management-commands.ts'
import { seal } from '../ledger/private-fields.ts'
import { isUnavailable } from '../ledger/unavailable.ts'
import { isRefused, type Refused, refused } from './decision.ts'

/** Who does it, as `user:<subject>`, `admin:<subject>`, `key:<id>` or `cli`, and why, where they say. */
export interface Actor {
  readonly id: string
  readonly reason?: string | undefined
}

/** What is to be recorded, and what whoever asked is told when it is. */
export interface Change<Result> {
  readonly shard: number
  readonly events: readonly NewEvent[]
  readonly expected: readonly ExpectedVersion[]
  /** A new account's key for private fields. */
  readonly secret?: Uint8Array
  readonly result: Result
}

/** Several who change the same key at once each win one round, so this many are never all lost in earnest. */
const maxRounds = 10

export async function execute<Result extends object>(
  commands: Commands,
  actor: string,
  prepare: () => Promise<Change<Result> | Refused>,
): Promise<Result | Refused> {
  for (let round = 0; round < maxRounds; round++) {
    const change = await prepare()
    if (isRefused(change)) return change
    if (change.events.length === 0) return change.result
    const { shard, events, expected, secret, result } = change
    const id = crypto.randomUUID()
    const command = { id, actor, expected, events, ...(secret && { secret }) }
    const { verdict } = await recordSurely(commands, shard, command)
    if (verdict === 'ok') return result
    if (verdict !== 'version_conflict' && verdict !== 'hash_taken') {
      throw new Error(`the ledger answered ${verdict} to ${events.map((e) => e.type).join(', ')}`)
    }
  }
  return refused('changed_meanwhile')
}

/**
 * When the connection dies under a command, nobody knows whether it was recorded. Its id makes asking again
 * safe, and asking matters: a secret is shown once, and a rotation has already ended the one before.
 */
async function recordSurely(commands: Commands, shard: number, command: RecordCommand) {
  try {
    return await commands.record(shard, command)
  } catch (error) {
    if (!isUnavailable(error)) throw error
    return commands.record(shard, command)
  }
}

/** An event's private document, encrypted; none when there is nothing to say or the account was erased. */
export function sealDocument(
  secret: Uint8Array | null | undefined,
  accountId: string,
  document: object | undefined,
): { private?: Uint8Array } {
  return secret && document ? { private: seal(secret, accountId, document) } : {}
}

/** The document that carries a reason, where one was given. */
export function reasonDocument({ reason }: Actor): { reason: string } | undefined {
  return reason === undefined ? undefined : { reason }
}
