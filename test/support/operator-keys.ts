/** Events of operator keys, recorded as management records them. */
import type { EventType } from '../../events/catalogue.ts'
import type {
  ManagementCommands,
  ManagementResult,
} from '../../src/ledger/commands/management-commands.ts'

/** The id of an operator key, and how many events are of it. */
interface TestOperatorKey {
  readonly id: string
  version: number
}

/** Records one event, and counts it where the ledger takes it. @param command the id of the command */
export async function changeOperatorKey(
  commands: Pick<ManagementCommands, 'record'>,
  key: TestOperatorKey,
  type: EventType,
  payload: object = {},
  command: string = crypto.randomUUID(),
): Promise<ManagementResult> {
  const { id, version } = key
  const result = await commands.record(0, {
    ...{ id: command, actor: 'test' },
    expected: [{ stream: 'operatorKey', id, version }],
    events: [{ type, payload: { id, ...payload } }],
  })
  if (result.verdict === 'ok') key.version++
  return result
}

/** The payload of a new secret. @param secret any text, which it is the hash of */
export function operatorSecret(secret: string, expiresAt: string) {
  const hash = Bun.SHA256.hash(secret, 'hex')
  return { hash, display: `sk_op_…${hash.slice(-4)}`, expiresAt }
}
