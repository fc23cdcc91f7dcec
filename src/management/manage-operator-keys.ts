/** Operator keys: listing, issuing, rotating and revoking them. */
import type { OperatorRole } from '../../events/operator-keys.ts'
import { mintOperatorKey } from '../gate/authenticate/operator-key-format.ts'
import { readClock } from '../ledger/read/read-clock.ts'
import {
  type OperatorKeyRow,
  readOperatorKey,
  readOperatorKeys,
} from '../ledger/read/read-operator-keys.ts'
import { newOperatorKeyId } from '../lib/ids.ts'
import type { Actor } from './actor.ts'
import {
  decideOperatorKey,
  type OperatorKeyCommand,
  type OperatorKeyEvent,
} from './decide-operator-key.ts'
import { type Decision, isRefused, type Refused, refused } from './decision.ts'
import { type Change, execute } from './execute.ts'
import { isoTime } from './iso-time.ts'
import type { ManagementDeps } from './management-deps.ts'

/** An operator key as it is shown. Times are ISO 8601. */
export interface OperatorKeyView {
  readonly id: string
  readonly name: string
  readonly role: OperatorRole
  readonly display: string
  readonly state: 'active' | 'expired' | 'revoked'
  readonly expiresAt: string
  /** Until when the secret from before the last rotation works; null: not at all. */
  readonly previousUntil: string | null
  readonly revokedAt: string | null
  readonly createdAt: string
  readonly updatedAt: string
  /** For `If-Match`. */
  readonly version: number
}

/** With its text, which is returned once and stored nowhere. */
export interface IssuedOperatorKey {
  readonly key: string
  readonly view: OperatorKeyView
}

interface OperatorKeyRequest {
  readonly name: string
  readonly role: OperatorRole
  /** ISO 8601, at most `maxOperatorKeyDays` ahead. */
  readonly expiresAt: string
}

interface OperatorKeyRotation {
  /** How long the old secret still works, though no longer than it would have. */
  readonly graceSeconds: number
  /** ISO 8601; absent: the new secret ends when the old one would have. */
  readonly expiresAt?: string | undefined
}

export interface OperatorKeys {
  /** The newest first, those that are over included. */
  listOperatorKeys(): Promise<OperatorKeyView[]>
  issueOperatorKey(request: OperatorKeyRequest, actor: Actor): Promise<IssuedOperatorKey | Refused>
  /** @param version that it must still have; absent: any */
  rotateOperatorKey(
    id: string,
    rotation: OperatorKeyRotation,
    actor: Actor,
    version?: number,
  ): Promise<IssuedOperatorKey | Refused>
  /** Revoking a revoked one changes nothing and is no refusal. */
  revokeOperatorKey(id: string, actor: Actor, version?: number): Promise<OperatorKeyView | Refused>
}

/** They are of no account, so all of them are in the shard that every ledger has. */
const shard = 0

export function manageOperatorKeys({ sql, commands, random }: ManagementDeps): OperatorKeys {
  /** Changes a key of a version; `decide` is given its row. */
  async function change<Result extends object>(
    id: string,
    actor: Actor,
    version: number | undefined,
    decide: (row: OperatorKeyRow) => readonly [Decision<OperatorKeyEvent>, Result],
    again: Result | Refused,
  ): Promise<(Result & { readonly view: OperatorKeyView }) | Refused> {
    const changed = await execute(
      commands,
      actor,
      async () => {
        const row = await readOperatorKey(sql, id)
        if (!row) return refused('key_unknown')
        if (version !== undefined && version !== row.version) return refused('version_moved')
        const [decision, result] = decide(row)
        return changeOf(decision, { id, version: row.version }, actor, result)
      },
      again,
    )
    return isRefused(changed) ? changed : { ...changed, view: await readView(sql, id) }
  }

  return {
    async listOperatorKeys() {
      return (await readOperatorKeys(sql)).map(viewOf)
    },

    async issueOperatorKey(request, actor) {
      const id = newOperatorKeyId()
      const prepare = async () => {
        const at = isoTime(await readClock(sql))
        const { key, ...secret } = mintOperatorKey(random)
        const decision = decideOperatorKey(undefined, { type: 'issue', at, ...request, ...secret })
        return changeOf(decision, { id, version: 0 }, actor, { key })
      }
      const issued = await execute(commands, actor, prepare, refused('secret_was_shown'))
      return isRefused(issued) ? issued : { ...issued, view: await readView(sql, id) }
    },

    rotateOperatorKey(id, rotation, actor, version) {
      const decide = (row: OperatorKeyRow) => {
        const { key, ...secret } = mintOperatorKey(random)
        const at = isoTime(row.readAt)
        const command: OperatorKeyCommand = { type: 'rotate', at, ...rotation, ...secret }
        return [decideOperatorKey(stateOf(row), command), { key }] as const
      }
      const again = refused('secret_was_shown')
      return change<{ readonly key: string }>(id, actor, version, decide, again)
    },

    async revokeOperatorKey(id, actor, version) {
      const decide = (row: OperatorKeyRow) =>
        [
          row.revokedAt ? { events: [] } : decideOperatorKey(stateOf(row), { type: 'revoke' }),
          {},
        ] as const
      const revoked = await change(id, actor, version, decide, {})
      return isRefused(revoked) ? revoked : revoked.view
    },
  }
}

function changeOf<Result>(
  decision: Decision<OperatorKeyEvent>,
  { id, version }: { readonly id: string; readonly version: number },
  { reason }: Actor,
  result: Result,
): Change<Result> | Refused {
  if (isRefused(decision)) return decision
  return {
    shard,
    expected: [{ stream: 'operatorKey', id, version }],
    events: decision.events.map(({ type, payload }) => ({
      type,
      payload: { id, ...payload, ...(reason !== undefined && { reason }) },
    })),
    result,
  }
}

function stateOf({ hash, expiresAt, revokedAt }: OperatorKeyRow) {
  return { hash, expiresAt: isoTime(expiresAt), revoked: revokedAt !== null }
}

async function readView(sql: ManagementDeps['sql'], id: string): Promise<OperatorKeyView> {
  const row = await readOperatorKey(sql, id)
  if (!row) throw new Error(`the operator key ${id} has just been changed, and is not there`)
  return viewOf(row)
}

function viewOf(row: OperatorKeyRow): OperatorKeyView {
  const { id, name, role, display, version, expiresAt, revokedAt, previousUntil, readAt } = row
  const isExpired = expiresAt <= readAt
  return {
    ...{ id, name, role, display },
    state: revokedAt ? 'revoked' : isExpired ? 'expired' : 'active',
    expiresAt: isoTime(expiresAt),
    previousUntil: previousUntil && previousUntil > readAt ? isoTime(previousUntil) : null,
    revokedAt: isoTime(revokedAt),
    ...{ createdAt: isoTime(row.createdAt), updatedAt: isoTime(row.updatedAt), version },
  }
}
