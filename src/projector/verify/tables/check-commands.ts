/**
 * Whether the management commands that the ledger keeps are those that its log was made by. A command is kept with a hash of
 * what it asked for, and the positions of what it became: the hash is made again of those events. Every event that only a
 * command can write has one.
 */
import type { Mode } from '../../../../events/event.ts'
import { frequentTypes, typesWith } from '../../../../events/event-types.ts'
import type { NewEvent } from '../../../../events/new-event.ts'
import { typeIn, typeNotIn } from '../../../../events/type-condition.ts'
import {
  adjustDigest,
  grantDigest,
  importDigest,
  packDigest,
  recordDigest,
  refundDigest,
} from '../../../ledger/commands/command-digests.ts'
import type { Sql } from '../../../ledger/connect.ts'
import { type Micros, microsOf } from '../meaning/rare-events.ts'
import { findSpans } from './find-spans.ts'

interface Command {
  readonly id: string
  readonly hash: string
  readonly result: {
    readonly positions?: readonly number[]
    readonly recordedAt?: string
    readonly taken?: number
    readonly debt?: number
    readonly credits?: number
  }
  readonly recordedAt: Micros
}

interface CommandEvent {
  readonly position: number
  readonly recordedAt: Micros
  readonly occurredAt: Date
  readonly type: NewEvent['type']
  readonly accountId: string | null
  readonly keyId: string | null
  readonly mode: Mode | null
  readonly requestId: string | null
  readonly endpoint: string | null
  readonly credits: number | null
  readonly quantity: number | null
  // biome-ignore lint/suspicious/noExplicitAny: it is read by type
  readonly payload: any
}

interface CommandFault {
  /** Of an event that the command became; null: it became none. */
  readonly position: number | null
  readonly fault: string
}

const pageSize = 2_000
const importing = typesWith('counts', 'imported')

/** @param upTo the commands of later events are left out */
export async function checkCommands(
  sql: Sql,
  shard: number,
  upTo: number,
): Promise<CommandFault[]> {
  const faults: CommandFault[] = []
  const covered = new Set<number>()
  for (let after = ''; ; ) {
    const page = await readCommands(sql, shard, after)
    const events = await readEvents(sql, shard, page)
    for (const command of page) {
      const positions = await positionsOf(sql, shard, command, events)
      const became = positions.flatMap((position) => events.get(position) ?? [])
      if ((positions[0] ?? 0) > upTo) continue
      for (const position of positions) covered.add(position)
      const fault = became.length === positions.length ? commandFault(command, became) : lostFault
      if (fault)
        faults.push({
          position: became[0]?.position ?? null,
          fault: `${fault}: command ${command.id}`,
        })
    }
    const last = page.at(-1)
    if (!last || page.length < pageSize) break
    after = last.id
  }
  for (const position of await readCommanded(sql, shard, upTo)) {
    if (!covered.has(position))
      faults.push({ position, fault: 'no command is kept that asked for it' })
  }
  return faults
}

function readCommands(sql: Sql, shard: number, after: string): Promise<Command[]> {
  return sql<Command[]>`
    select command_id as id, request_hash as hash, result,
      (extract(epoch from recorded_at) * 1000000)::float8 as "recordedAt"
    from management_commands
    where shard = ${shard} and command_id > ${after}
    order by command_id limit ${pageSize}`
}

const lostFault = 'what it became is not in the log'

/** An import says its first position and its last, so what is between them is read now. */
async function positionsOf(
  sql: Sql,
  shard: number,
  { result: { positions = [] } }: Command,
  events: Map<number, CommandEvent>,
): Promise<readonly number[]> {
  const [first = 0, last = 0] = positions
  if (positions.length !== 2 || events.get(first)?.type !== 'UsageImported') return positions
  const all = Array.from({ length: Math.max(last - first + 1, 1) }, (_, i) => first + i)
  for (const event of await readAt(sql, shard, all)) events.set(event.position, event)
  return all
}

async function readEvents(
  sql: Sql,
  shard: number,
  commands: readonly Command[],
): Promise<Map<number, CommandEvent>> {
  const positions = commands.flatMap(({ result }) => result.positions ?? [])
  const rows = await readAt(sql, shard, positions)
  return new Map(rows.map((row) => [row.position, row]))
}

function readAt(sql: Sql, shard: number, positions: readonly number[]): Promise<CommandEvent[]> {
  return sql<CommandEvent[]>`
    select position, (extract(epoch from recorded_at) * 1000000)::float8 as "recordedAt", occurred_at as "occurredAt", type, account_id as "accountId",
      key_id as "keyId", mode, request_id as "requestId", endpoint, credits, quantity, payload
    from events
    where shard = ${shard} and position = any(${[...positions]}::bigint[])`
}

/** Events that only a command can write. */
async function readCommanded(sql: Sql, shard: number, upTo: number): Promise<number[]> {
  const rows = await sql<{ position: number }[]>`
    select position from events
    where shard = ${shard} and position <= ${upTo} and ${sql.unsafe(typeNotIn(frequentTypes))}
      and ${sql.unsafe(typeNotIn(typesWith('stream', 'ledger')))} and actor <> 'ledger'
    union all
    select position from events
    where shard = ${shard} and position <= ${upTo} and ${sql.unsafe(typeIn(importing))}`
  return rows.map(({ position }) => position)
}

function commandFault(command: Command, became: readonly CommandEvent[]): string | undefined {
  const [first] = became
  // Only of a request with an Idempotency-Key is it kept that it changed nothing.
  if (!first) return command.id.startsWith('request:') ? undefined : 'it became nothing'
  if (became.some(({ recordedAt }) => recordedAt !== command.recordedAt)) {
    return 'it was not recorded when what it became was'
  }
  if (microsOf(command.result.recordedAt ?? '') !== command.recordedAt) {
    return 'its result is of another time'
  }
  return isOf(command, became, first)
    ? idFault(command, first)
    : 'what it became is not what it asked for'
}

function isOf(command: Command, became: readonly CommandEvent[], first: CommandEvent): boolean {
  const { hash, result } = command
  const { accountId, mode, keyId, requestId, credits, payload } = first
  const of = { accountId: accountId ?? '', mode: mode ?? 'live' }
  switch (first.type) {
    case 'CreditsGranted': {
      const { kind, expiresAt, paid, pack } = payload
      if (pack !== undefined)
        return hash === packDigest({ ...of, pack }) && result.credits === credits
      const grant = { ...of, credits: credits ?? 0, kind, expiresAt, paid }
      return (
        hash === grantDigest(grant) ||
        findSpans(first, (spans) => hash === grantDigest({ ...grant, spans }))
      )
    }
    case 'CreditsAdjusted':
    case 'DebtRecorded': {
      const sumOf = (type: string) =>
        became.reduce((sum, event) => sum + (event.type === type ? (event.credits ?? 0) : 0), 0)
      const [taken, debt] = [sumOf('CreditsAdjusted'), sumOf('DebtRecorded')]
      return (
        hash === adjustDigest({ ...of, credits: taken + debt }) &&
        result.taken === taken &&
        result.debt === debt
      )
    }
    case 'ChargeRefunded': {
      const refund = { requestId: requestId ?? '' }
      const asked = [refundDigest({ ...refund, credits: credits ?? 0 }), refundDigest(refund)]
      return asked.includes(hash) && result.credits === credits
    }
    case 'UsageImported':
      return (
        hash === importDigest({ keyId: keyId ?? '', usage: became.map(usageOf) }) ||
        hasOtherTimes(became)
      )
    case 'KeyRevoked':
      // A key that revoked itself, by its secret.
      if (command.id === `revoke:${keyId}`) return hash === keyId
      return hash === recordDigest(became.map(newEventOf))
    default:
      return hash === recordDigest(became.map(newEventOf))
  }
}

function newEventOf({ type, payload, accountId, keyId, mode }: CommandEvent): NewEvent {
  return {
    ...{ type, payload },
    ...(accountId !== null && { accountId }),
    ...(keyId !== null && { keyId }),
    ...(mode !== null && { mode }),
  }
}

function usageOf({ occurredAt, endpoint, quantity, credits, payload }: CommandEvent) {
  return {
    ...{ time: occurredAt.toISOString(), endpoint: endpoint ?? '', calls: quantity ?? 0 },
    ...{ credits: credits ?? 0, errors: payload.errors, latencyMsSum: payload.latencyMsSum },
  }
}

/** A time that is not a day's beginning was copied as the other service wrote it, and its text is not known any more. */
function hasOtherTimes(became: readonly CommandEvent[]): boolean {
  return became.some(({ occurredAt }) => occurredAt.getTime() % 86_400_000 !== 0)
}

/** An externalId is part of the command's id. */
function idFault({ id }: Command, { accountId, payload, type }: CommandEvent): string | undefined {
  const { externalId } = payload
  const isMoved = type.startsWith('Credits') || type === 'DebtRecorded' || type === 'ChargeRefunded'
  if (!isMoved) return undefined
  const named = id.startsWith('external:')
  if (
    named !== (externalId !== undefined) ||
    (named && id !== `external:${accountId}:${externalId}`)
  ) {
    return 'it has another externalId'
  }
  return undefined
}
