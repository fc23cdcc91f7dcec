/**
 * Management commands. They are rare: each is executed alone, by one call of one SQL function.
 *
 * The sender gives a command its id. The same request under the same id gets the same result, so a command whose connection died
 * is simply sent again. Another request under the same id is a mismatch.
 */
import { TypeCompiler } from '@sinclair/typebox/compiler'
import { maxAmount } from '../../../events/bounds.ts'
import { canonicalJson } from '../../../events/canonical-json.ts'
import { catalogue, type EventType } from '../../../events/catalogue.ts'
import type { Mode } from '../../../events/event.ts'
import type { NewEvent } from '../../../events/new-event.ts'
import type { HighWaterMarks } from '../append/high-water-marks.ts'
import type { Sql } from '../connect.ts'
import {
  adjustDigest,
  grantDigest,
  importDigest,
  packDigest,
  recordDigest,
  refundDigest,
} from './command-digests.ts'
import { type CommandReply, openSender, type Sender } from './sender.ts'

/** Who gives a command: `user:<subject>`, `admin:<subject>`, `support:<subject>`, `operator-key:<id>`, `key:<id>`, `cli` or `gateway`. */
export type ActorId = string

/** The version of a stream that a command was decided by. 0: the stream does not exist yet. */
export interface ExpectedVersion {
  readonly stream: 'account' | 'key' | 'operatorKey'
  readonly id: string
  readonly version: number
  /** The ledger's time at which it was read, ISO 8601, where what is recorded begins then. */
  readonly readAt?: string
}

export interface RecordCommand {
  /** The sender's id of this command. */
  readonly id: string
  readonly actor: ActorId
  readonly expected: readonly ExpectedVersion[]
  readonly events: readonly NewEvent[]
  /** A hash of the request that it is of, by which the same request again is told from another one. */
  readonly request?: string
  /** With AccountOpened only: the account's secret, for private fields. */
  readonly secret?: Uint8Array
}

export interface ManagementResult {
  readonly verdict:
    | 'ok'
    | 'version_conflict'
    | 'hash_taken'
    | 'mismatch'
    | 'no_such_account'
    | 'no_such_charge'
    | 'no_such_pack'
    | 'exceeds_charge'
    | 'amount_out_of_range'
    | 'too_many_credits'
    | 'time_passed'
    | 'ends_before_start'
    | 'delivery_pending'
    | 'delivery_not_unknown'
  readonly positions?: readonly number[]
  readonly recordedAt?: string
  readonly repeated?: true
  /** Of an adjustment: what was taken, and what became a debt. */
  readonly taken?: number
  readonly debt?: number
  /** Of a grant: its credits. Of a refund: the credits that were refunded, or those that can be. */
  readonly credits?: number
  readonly refundable?: number
  /** With too_many_credits: how many there can be. */
  readonly room?: number
}

/** Credits that someone grants or takes. An externalId is unique per account. */
export interface CreditsCommand {
  readonly accountId: string
  readonly mode: Mode
  readonly credits: number
  readonly externalId?: string
  readonly actor: ActorId
  /** An encrypted private document, such as the reason. */
  readonly private?: Uint8Array
}

/**
 * Times that were given as spans, such as `90d`. A span is another time whenever it is sent, so the same grant again is the
 * one with the same spans.
 */
export interface GrantSpans {
  readonly startsAt?: string
  readonly expiresAt?: string
}

export interface GrantCommand extends CreditsCommand {
  readonly kind: 'paid' | 'promotional'
  readonly startsAt: string
  readonly expiresAt?: string
  /** The times that its sender gave as spans. */
  readonly spans?: GrantSpans
  readonly paid?: { readonly minorUnits: number; readonly currency: string }
}

/** A pack of the tariff in force, which says its credits, price and time. */
export interface PackCommand extends Omit<CreditsCommand, 'credits'> {
  readonly pack: string
  /** The order or payment that it is granted for. */
  readonly externalId: string
}

export interface RefundCommand {
  readonly requestId: string
  /** Absent: all that is left of the charge. */
  readonly credits?: number
  readonly externalId?: string
  readonly actor: ActorId
  readonly private?: Uint8Array
}

/** What a key did at an endpoint on a day, under the service that the ledger replaces. */
export interface ImportedUsage {
  /** A time of the day that it counts for, ISO 8601. */
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
  /** At least one, and none of the future. */
  readonly usage: readonly ImportedUsage[]
}

export interface RecordingCommands {
  record(shard: number, command: RecordCommand): Promise<ManagementResult>
  /** The `request` of a command that was recorded under this id; undefined: there is none. */
  findRequest(id: string): Promise<string | undefined>
}

export interface ManagementCommands extends RecordingCommands {
  grant(shard: number, command: GrantCommand): Promise<ManagementResult>
  grantPack(shard: number, command: PackCommand): Promise<ManagementResult>
  adjust(shard: number, command: CreditsCommand): Promise<ManagementResult>
  refund(shard: number, command: RefundCommand): Promise<ManagementResult>
  importUsage(shard: number, command: ImportUsageCommand): Promise<ManagementResult>
}

export type ManagementReply = Omit<ManagementResult, 'verdict'> &
  CommandReply<ManagementResult['verdict']>

/** @throws LedgerUnavailable where the ledger took no command */
export function resultOf(
  sender: Sender,
  shard: number,
  { head, ...result }: ManagementReply,
): ManagementResult {
  return { ...result, verdict: sender.accept(shard, { ...result, ...(head && { head }) }) }
}

/**
 * Every command throws LedgerUnavailable where the log is not the one that this process, or a gateway, has seen of it, and where
 * the ledger's clock and this machine's disagree.
 * @param instance names this process in every event
 * @param marks what this process has seen of the log; absent: it has seen nothing
 */
export function openManagementCommands(
  sql: Sql,
  instance: string,
  marks?: HighWaterMarks,
): ManagementCommands {
  const sender = openSender(instance, marks)
  const senderOf = sender.ofShard
  const accepted = (shard: number, reply: ManagementReply) => resultOf(sender, shard, reply)

  return {
    ...recordingBy(recordAny(sql), sql, sender),

    async grant(shard, command) {
      const { kind, startsAt, expiresAt, externalId, paid } = command
      requireCredits(command.credits)
      const payload = checkedPayload({
        type: 'CreditsGranted',
        payload: { kind, startsAt, expiresAt, externalId, paid },
      })
      const { accountId, mode, credits } = command
      const [row] = await sql<[{ result: ManagementReply }]>`
        select grant_v1(${shard}::smallint, ${senderOf(shard)}::text::jsonb, ${commandId('grant', command)},
          ${grantDigest(command)},
          ${accountId}, ${mode}, ${credits}, ${payload}, ${bytes(command.private)}, ${command.actor}) as result`
      return accepted(shard, row.result)
    },

    async grantPack(shard, command) {
      const { accountId, mode, externalId, pack } = command
      const [row] = await sql<[{ result: ManagementReply }]>`
        select grant_v1(${shard}::smallint, ${senderOf(shard)}::text::jsonb, ${`external:${accountId}:${externalId}`},
          ${packDigest(command)}, ${accountId}, ${mode}, ${null}, ${canonicalJson({ externalId, pack })},
          ${bytes(command.private)}, ${command.actor}) as result`
      return accepted(shard, row.result)
    },

    async adjust(shard, command) {
      const { accountId, mode, credits, externalId } = command
      requireCredits(credits)
      const [row] = await sql<[{ result: ManagementReply }]>`
        select adjust_v1(${shard}::smallint, ${senderOf(shard)}::text::jsonb, ${commandId('adjust', command)},
          ${adjustDigest(command)}, ${accountId}, ${mode}, ${credits},
          ${canonicalJson({ externalId })}, ${bytes(command.private)}, ${command.actor}) as result`
      return accepted(shard, row.result)
    },

    async refund(shard, command) {
      const { requestId, credits, externalId } = command
      if (credits !== undefined) requireCredits(credits)
      const [row] = await sql<[{ result: ManagementReply }]>`
        select refund_v1(${shard}::smallint, ${senderOf(shard)}::text::jsonb, ${externalId ?? null},
          ${refundDigest(command)}, ${requestId}, ${credits ?? null},
          ${bytes(command.private)}, ${command.actor}) as result`
      return accepted(shard, row.result)
    },

    async importUsage(shard, { id, accountId, keyId, mode, actor, usage }) {
      const lines = usage.map(({ errors, latencyMsSum, ...line }) => ({
        ...line,
        payload: checkedPayload({ type: 'UsageImported', payload: { errors, latencyMsSum } }),
      }))
      const [row] = await sql<[{ result: ManagementReply }]>`
        select import_usage_v1(${shard}::smallint, ${senderOf(shard)}::text::jsonb, ${id}, ${importDigest({ keyId, usage })},
          ${accountId}, ${keyId}, ${mode}, ${JSON.stringify(lines)}::text::jsonb, ${actor}) as result`
      return accepted(shard, row.result)
    },
  }
}

/** The same as the role of owners' routes has them: what owners cause is recorded, and nothing else. */
export function openOwnersCommands(
  sql: Sql,
  instance: string,
  marks?: HighWaterMarks,
): RecordingCommands {
  return recordingBy(recordOwn(sql), sql, openSender(instance, marks))
}

/** The parameters of the functions that record. */
interface Recording {
  readonly sender: string
  readonly id: string
  readonly digest: string
  readonly expected: string
  readonly events: string
  readonly secret: Buffer | null
}

type RecordingStatement = (
  shard: number,
  recording: Recording,
) => PromiseLike<readonly [{ readonly result: ManagementReply }]>

function recordAny(sql: Sql): RecordingStatement {
  return (shard, { sender, id, digest, expected, events, secret }) => sql<
    [{ result: ManagementReply }]
  >`
    select record_v1(${shard}::smallint, ${sender}::text::jsonb, ${id}, ${digest},
      ${expected}::text::jsonb, ${events}::text::jsonb, ${secret}) as result`
}

function recordOwn(sql: Sql): RecordingStatement {
  return (shard, { sender, id, digest, expected, events, secret }) => sql<
    [{ result: ManagementReply }]
  >`
    select record_own_v1(${shard}::smallint, ${sender}::text::jsonb, ${id}, ${digest},
      ${expected}::text::jsonb, ${events}::text::jsonb, ${secret}) as result`
}

function recordingBy(recording: RecordingStatement, sql: Sql, sender: Sender): RecordingCommands {
  return {
    async record(shard, command) {
      const events = command.events.map((event) => ({
        type: event.type,
        accountId: event.accountId,
        keyId: event.keyId,
        mode: event.mode,
        payload: checkedPayload(refuseCreditEvents(event)),
        private: event.private ? Buffer.from(event.private).toString('hex') : undefined,
        name: event.name,
        actor: command.actor,
      }))
      const [row] = await recording(shard, {
        ...{ sender: sender.ofShard(shard, command.request), id: command.id },
        digest: recordDigest(command.events),
        ...{ expected: JSON.stringify(command.expected), events: JSON.stringify(events) },
        secret: command.secret ? Buffer.from(command.secret) : null,
      })
      return resultOf(sender, shard, row.result)
    },

    async findRequest(id) {
      const [row] = await sql<[{ request: string | null }?]>`
        select result ->> 'request' as request from management_commands where command_id = ${id}`
      return row && (row.request ?? '')
    },
  }
}

const checks = new Map(
  Object.entries(catalogue).map(([type, entry]) => [type, TypeCompiler.Compile(entry.payload)]),
)

/** Credits move by functions of their own, which decide and balance. */
function refuseCreditEvents(event: NewEvent): NewEvent {
  if (catalogue[event.type as EventType]?.stream !== 'credits') return event
  throw new TypeError(`${event.type} cannot be recorded: credits move by grant, adjust and refund`)
}

function requireCredits(credits: number): void {
  if (Number.isInteger(credits) && credits >= 1 && credits <= maxAmount) return
  throw new RangeError(`credits: expected an integer from 1 to ${maxAmount}, got ${credits}`)
}

/** The payload's canonical text. Throws when the payload does not fit the event's type. */
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

function bytes(value: Uint8Array | undefined): Buffer | null {
  return value ? Buffer.from(value) : null
}
