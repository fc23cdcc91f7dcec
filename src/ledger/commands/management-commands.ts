/**
 * Management commands: rare, one by one, each in one call of one SQL function.
 *
 * A command carries an id of its sender's making. The same id with the same request answers as the
 * first time, so a command whose connection died is simply sent again; another request under it is
 * a mismatch.
 */
import { createHash } from 'node:crypto'
import { TypeCompiler } from '@sinclair/typebox/compiler'
import { canonicalJson } from '../../../events/canonical-json.ts'
import { catalogue, type EventType } from '../../../events/catalogue.ts'
import type { Mode, NewEvent } from '../../../events/event.ts'
import type { Sql } from '../connect.ts'

/** Who does it: `user:<subject>`, `admin:<subject>`, `key:<id>`, `cli` or `gateway`. */
export type ActorId = string

/** The version a command stood on; 0 means: does not exist yet. */
export interface ExpectedVersion {
  readonly stream: 'account' | 'key'
  readonly id: string
  readonly version: number
}

export interface RecordCommand {
  /** The sender's id of this command. */
  readonly id: string
  readonly actor: ActorId
  readonly expected: readonly ExpectedVersion[]
  readonly events: readonly NewEvent[]
  /** The account's new key for private fields; with AccountOpened only. */
  readonly secret?: Uint8Array
}

export interface CommandResult {
  readonly verdict:
    | 'ok'
    | 'version_conflict'
    | 'hash_taken'
    | 'mismatch'
    | 'no_such_account'
    | 'no_such_charge'
    | 'exceeds_charge'
  readonly positions?: readonly number[]
  readonly recordedAt?: string
  readonly repeated?: true
  /** adjust: what was taken, and what became a debt. */
  readonly taken?: number
  readonly debt?: number
  /** refund: credits given back, or what could be. */
  readonly credits?: number
  readonly refundable?: number
}

/** Credits given or taken by someone; an externalId is unique per account. */
export interface CreditsCommand {
  readonly accountId: string
  readonly mode: Mode
  readonly credits: number
  readonly externalId?: string
  readonly actor: ActorId
  /** Encrypted private document, e.g. the reason. */
  readonly private?: Uint8Array
}

export interface GrantCommand extends CreditsCommand {
  readonly kind: 'paid' | 'promotional'
  readonly startsAt: string
  readonly expiresAt?: string
  readonly paid?: { readonly minorUnits: number; readonly currency: string }
}

export interface RefundCommand {
  readonly requestId: string
  /** All that is left of the charge when absent. */
  readonly credits?: number
  readonly externalId?: string
  readonly actor: ActorId
  readonly private?: Uint8Array
}

/** What a key did at an endpoint on a day, under the service that the ledger took over from. */
export interface ImportedUsage {
  /** ISO 8601; of the day that it counts for. */
  readonly time: string
  readonly endpoint: string
  readonly calls: number
  readonly errors: number
  readonly credits: number
  readonly latencyMsSum: number
}

export interface ImportUsageCommand {
  /** The sender's id of this command. */
  readonly id: string
  readonly accountId: string
  readonly keyId: string
  readonly mode: Mode
  readonly actor: ActorId
  /** At least one; none of a time that lies ahead. */
  readonly usage: readonly ImportedUsage[]
}

export interface Commands {
  record(shard: number, command: RecordCommand): Promise<CommandResult>
  grant(shard: number, command: GrantCommand): Promise<CommandResult>
  adjust(shard: number, command: CreditsCommand): Promise<CommandResult>
  refund(shard: number, command: RefundCommand): Promise<CommandResult>
  importUsage(shard: number, command: ImportUsageCommand): Promise<CommandResult>
}

/** @param instance names the process in every event */
export function openCommands(sql: Sql, instance: string): Commands {
  return {
    async record(shard, command) {
      const events = command.events.map((event) => ({
        type: event.type,
        accountId: event.accountId,
        keyId: event.keyId,
        mode: event.mode,
        payload: checkedPayload(managed(event)),
        private: event.private ? Buffer.from(event.private).toString('hex') : undefined,
        actor: command.actor,
      }))
      const [row] = await sql<[{ answer: CommandResult }]>`
        select record_v1(${shard}::smallint, ${instance}, ${command.id},
          ${digest(command.events.map((e) => ({ ...e, private: undefined })))},
          ${JSON.stringify(command.expected)}::text::jsonb, ${JSON.stringify(events)}::text::jsonb,
          ${command.secret ? Buffer.from(command.secret) : null}) as answer`
      return row.answer
    },

    async grant(shard, command) {
      const { kind, startsAt, expiresAt, externalId, paid } = command
      requireCredits(command.credits)
      const payload = checkedPayload({
        type: 'CreditsGranted',
        payload: { kind, startsAt, expiresAt, externalId, paid },
      })
      const { accountId, mode, credits } = command
      const [row] = await sql<[{ answer: CommandResult }]>`
        select grant_v1(${shard}::smallint, ${instance}, ${commandId('grant', command)},
          ${digest({ accountId, mode, credits, kind, expiresAt, paid })},
          ${accountId}, ${mode}, ${credits}, ${payload}, ${bytes(command.private)}, ${command.actor}) as answer`
      return row.answer
    },

    async adjust(shard, command) {
      const { accountId, mode, credits, externalId } = command
      requireCredits(credits)
      const [row] = await sql<[{ answer: CommandResult }]>`
        select adjust_v1(${shard}::smallint, ${instance}, ${commandId('adjust', command)},
          ${digest({ accountId, mode, credits })}, ${accountId}, ${mode}, ${credits},
          ${canonicalJson({ externalId })}, ${bytes(command.private)}, ${command.actor}) as answer`
      return row.answer
    },

    async refund(shard, command) {
      const { requestId, credits, externalId } = command
      if (credits !== undefined) requireCredits(credits)
      const [row] = await sql<[{ answer: CommandResult }]>`
        select refund_v1(${shard}::smallint, ${instance}, ${externalId ?? null},
          ${digest({ requestId, credits })}, ${requestId}, ${credits ?? null},
          ${bytes(command.private)}, ${command.actor}) as answer`
      return row.answer
    },

    async importUsage(shard, { id, accountId, keyId, mode, actor, usage }) {
      const lines = usage.map(({ errors, latencyMsSum, ...line }) => ({
        ...line,
        payload: checkedPayload({ type: 'UsageImported', payload: { errors, latencyMsSum } }),
      }))
      const [row] = await sql<[{ answer: CommandResult }]>`
        select import_usage_v1(${shard}::smallint, ${instance}, ${id}, ${digest({ keyId, usage })},
          ${accountId}, ${keyId}, ${mode}, ${JSON.stringify(lines)}::text::jsonb, ${actor}) as answer`
      return row.answer
    },
  }
}

const checks = new Map(
  Object.entries(catalogue).map(([type, entry]) => [type, TypeCompiler.Compile(entry.payload)]),
)

/** Streams that only the ledger's own functions may write would not be decided, let alone balanced. */
function managed(event: NewEvent): NewEvent {
  if (catalogue[event.type as EventType]?.stream !== 'credits') return event
  throw new TypeError(`${event.type} cannot be recorded: credits move by grant, adjust and refund`)
}

/** A bound that keeps every sum of an account's credits a safe integer. */
const maxCredits = 1_000_000_000_000

function requireCredits(credits: number): void {
  if (Number.isInteger(credits) && credits >= 1 && credits <= maxCredits) return
  throw new RangeError(`credits: expected an integer from 1 to ${maxCredits}, got ${credits}`)
}

/** The payload's canonical text; throws when it is not what its type says. */
function checkedPayload(event: NewEvent): string {
  const check = checks.get(event.type as EventType)
  const problem = check?.Errors(event.payload).First()
  if (!check || problem) {
    throw new TypeError(`${event.type}${problem?.path}: ${problem?.message ?? 'unknown type'}`)
  }
  return canonicalJson(event.payload)
}

function commandId(verb: string, command: CreditsCommand): string {
  return command.externalId
    ? `external:${command.accountId}:${command.externalId}`
    : `${verb}:${crypto.randomUUID()}`
}

function digest(request: object): string {
  return createHash('sha256').update(canonicalJson(request)).digest('hex')
}

function bytes(value: Uint8Array | undefined): Buffer | null {
  return value ? Buffer.from(value) : null
}
