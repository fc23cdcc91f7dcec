/**
 * How keys and accounts are changed: read the state, decide, and record the events together with the stream
 * versions that the decision stands on. When one of these versions has moved, the ledger refuses and everything
 * begins again. So no decision rests on a state that is out of date.
 */
import type { NewEvent } from '../../events/new-event.ts'
import type {
  ExpectedVersion,
  RecordCommand,
  RecordingCommands,
} from '../ledger/commands/management-commands.ts'
import { isUnavailable } from '../ledger/unavailable.ts'
import { type Actor, isSameRequest } from './actor.ts'
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
 * events is not recorded, unless the actor asks for it once: then what was asked is remembered.
 * @param again what is returned where the actor has asked for it before, and it was done
 * @returns the change's result, or why it was refused
 * @throws when the ledger cannot be reached
 */
export async function execute<Result extends object>(
  commands: RecordingCommands,
  { id: actor, once }: Actor,
  prepare: () => Promise<Change<Result> | Refused>,
  again: Result | Refused,
): Promise<Result | Refused> {
  for (let round = 0; round < maxRounds; round++) {
    const before = once && (await commands.findRequest(once.id))
    if (once && before !== undefined) {
      return isSameRequest(once, before) ? again : refused('idempotency_key_taken')
    }
    const change = await prepare()
    if (isRefused(change)) return change
    const { shard, events, expected, secret, result } = change
    if (events.length === 0 && !once) return result
    const command = {
      ...{ id: once?.id ?? crypto.randomUUID(), actor, expected, events },
      ...(once && { request: once.request }),
      ...(secret && { secret }),
    }
    const { verdict, repeated } = await recordSurely(commands, shard, command)
    if (verdict === 'ok' && !(once && repeated)) return result
    // Somebody else was faster with the same Idempotency-Key.
    if (verdict === 'ok' || (verdict === 'mismatch' && once)) continue
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
async function recordSurely(commands: RecordingCommands, shard: number, command: RecordCommand) {
  try {
    return await commands.record(shard, command)
  } catch (error) {
    if (!isUnavailable(error)) throw error
    // That it is repeated says only that the first reply was lost.
    return { ...(await commands.record(shard, command)), repeated: undefined }
  }
}
