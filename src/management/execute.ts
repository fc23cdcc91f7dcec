/**
 * How keys and accounts are changed: read the state, decide, and record the events together with the stream
 * versions that the decision stands on. When one of these versions has moved, the ledger refuses and everything
 * begins again. So no decision rests on a state that is out of date.
 */
import type { NewEvent } from '../../events/new-event.ts'
import type {
  ExpectedVersion,
  ManagementCommands,
  RecordCommand,
} from '../ledger/commands/management-commands.ts'
import { isUnavailable } from '../ledger/unavailable.ts'
import { isRefused, type Refused, refused } from './decision.ts'

/** What is to be recorded, and what `execute` returns once it is. */
export interface Change<Result> {
  readonly shard: number
  readonly events: readonly NewEvent[]
  readonly expected: readonly ExpectedVersion[]
  /** The secret under which a new account's private fields are sealed. */
  readonly secret?: Uint8Array
  readonly result: Result
}

/** In each round one of those who change the same key at once wins, so ten rounds are enough in practice. */
const maxRounds = 10

/**
 * Prepares a change and records it; prepares it again when the ledger has moved on meanwhile. A change without
 * events is not recorded.
 * @param actorId who does it: see Actor
 * @returns the change's result, or why it was refused
 * @throws when the ledger cannot be reached
 */
export async function execute<Result extends object>(
  commands: Pick<ManagementCommands, 'record'>,
  actorId: string,
  prepare: () => Promise<Change<Result> | Refused>,
): Promise<Result | Refused> {
  for (let round = 0; round < maxRounds; round++) {
    const change = await prepare()
    if (isRefused(change)) return change
    if (change.events.length === 0) return change.result
    const { shard, events, expected, secret, result } = change
    const id = crypto.randomUUID()
    const command = { id, actor: actorId, expected, events, ...(secret && { secret }) }
    const { verdict } = await recordSurely(commands, shard, command)
    if (verdict === 'ok') return result
    if (verdict !== 'version_conflict' && verdict !== 'hash_taken') {
      const types = events.map(({ type }) => type).join(', ')
      throw new Error(`the ledger returned ${verdict} for ${types}`)
    }
  }
  return refused('changed_meanwhile')
}

/**
 * When the connection dies during a command, nobody knows whether it was recorded. Sending it again is safe,
 * because the ledger knows its id. It is also necessary: a new key's text is shown once, and a rotation has
 * ended the secret before.
 */
async function recordSurely(
  commands: Pick<ManagementCommands, 'record'>,
  shard: number,
  command: RecordCommand,
) {
  try {
    return await commands.record(shard, command)
  } catch (error) {
    if (!isUnavailable(error)) throw error
    return commands.record(shard, command)
  }
}
