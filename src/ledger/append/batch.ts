/**
 * A batch of call commands as the parameters of append_v1.
 *
 * Each column of a batch travels as one text with a line for each command, which PostgreSQL splits: that costs a fifth of
 * array literals. It is safe because no value with a line feed is taken. An empty line is null.
 */
import { canonicalJson } from '../../../events/canonical-json.ts'
import type { EventType } from '../../../events/catalogue.ts'
import { mapValues } from '../../lib/map-values.ts'
import type {
  CallCommand,
  ChargeOnLease,
  Extend,
  Hold,
  LeaseHold,
  Settle,
} from './call-commands.ts'

/** A column of a batch; the parameter of append_v1 is named for it, `in_<name>`. */
export interface BatchColumn {
  readonly name: string
  readonly sqlType: string
  /** A part of append_v1 reads it as `in_<name>[command.nth]`. What is written goes into the event as well. */
  readonly use: 'decides' | 'written'
  readonly of: (command: CallCommand) => string | number | boolean | null
}

/** To add a column, add it here and use it in src/ledger/sql/append. */
export const batchColumns: readonly BatchColumn[] = [
  column('kind', 'text', 'written', (c) => c.kind),
  column('request_id', 'text', 'written', (c) => ('requestId' in c ? c.requestId : null)),
  column('account_id', 'text', 'written', (c) => c.accountId),
  column('key_id', 'text', 'written', (c) => c.keyId),
  column('key_version', 'integer', 'decides', (c) => ('keyVersion' in c ? c.keyVersion : null)),
  column('account_version', 'integer', 'decides', (c) =>
    'accountVersion' in c ? c.accountVersion : null,
  ),
  column('previous_secret', 'boolean', 'decides', (c) =>
    'previousSecret' in c ? c.previousSecret : null,
  ),
  column('mode', 'text', 'written', (c) => c.mode),
  column('credits', 'bigint', 'decides', (c) => ('credits' in c ? c.credits : null)),
  column('quantity', 'bigint', 'written', quantityOf),
  column('slots', 'integer', 'written', (c) => (c.kind === 'lease' ? c.slots : null)),
  column('endpoint', 'text', 'written', (c) => (c.kind === 'lease' ? null : c.endpoint)),
  column('tariff', 'text', 'written', (c) => ('tariff' in c ? c.tariff : null)),
  column('status', 'smallint', 'written', (c) => ('status' in c ? (c.status ?? null) : null)),
  column('latency_ms', 'integer', 'written', (c) => ('latencyMs' in c ? c.latencyMs : null)),
  column('actor', 'text', 'written', (c) => c.actor),
  column('claim', 'text', 'decides', (c) => (c.kind === 'hold' && c.claim ? c.claim.key : null)),
  column('request_hash', 'text', 'decides', (c) =>
    c.kind === 'hold' && c.claim ? c.claim.requestHash : null,
  ),
  column('payload', 'text', 'written', payloadOf),
]

/** What each kind of command becomes when it is accepted. The frequent ones first: append_v1 compares in this order. */
export const eventTypeOfKind = {
  hold: 'CreditsHeld',
  settle: 'HoldSettled',
  charge_on_lease: 'HoldSettled',
  release: 'HoldReleased',
  void_on_lease: 'HoldReleased',
  extend: 'HoldExtended',
  lease: 'CreditsHeld',
  expire: 'HoldExpired',
  count: 'CallsCounted',
  count_refused: 'CallsRefused',
} as const satisfies Record<CallCommand['kind'], EventType>

/** Commands that key, account, tariff and credits must allow. */
export const purchaseKinds = [
  'hold',
  'lease',
  'extend',
  'charge_on_lease',
] as const satisfies CallCommand['kind'][]

/** Commands that open the request that they name. */
export const openingKinds = [
  'hold',
  'lease',
  'charge_on_lease',
  'void_on_lease',
] as const satisfies CallCommand['kind'][]

/** Everything comes back as text: append-reply.ts decodes it. */
export const appendStatement = `
select outcome, recorded_at::text, log_epoch::text, log_position::text, encode(log_hash, 'hex') as log_hash,
  array_to_string(verdicts, ' ', '-') as verdicts, array_to_string(positions, ' ', '-') as positions,
  array_to_string(available, ' ', '-') as available
from append_v1($1::smallint, $2::uuid, $3::bigint, $4::text, $5::integer, $6::bigint, $7::text, $8::timestamptz,
  $9::bigint, $10::bigint[],
  ${batchColumns.map(({ sqlType }, i) => splitParameter(i + 11, sqlType)).join(',')})`

/** The client library looks a statement up by its text each time, so it is short. */
function splitParameter(number: number, sqlType: string): string {
  const texts = `string_to_array($${number},E'\\n','')`
  return sqlType === 'text' ? texts : `${texts}::${sqlType}[]`
}

/** The columns of a batch, each as one text, in the order of the statement's parameters; null: it has no value. */
export type BatchTexts = readonly (string | null)[]

/** @throws TypeError when a command has a value that a batch cannot carry */
export function packBatch(commands: readonly CallCommand[]): BatchTexts {
  const columns = batchColumns.map((column) => packColumn(column, commands))
  // All at once costs less than one by one.
  if (!isReadable(columns.join('\n'))) throwUnreadable(commands)
  return columns
}

/** Longer than any id, hash or payload of a command. */
const maxTextLength = 2_000

/**
 * A value that would be another one on the other side is refused: another text would be null or a neighbour's line, or is one
 * that PostgreSQL changes, cannot store, or stores and can never read (JSON's escapes of NUL and of half a pair).
 */
function packColumn(
  { name, sqlType, of }: BatchColumn,
  commands: readonly CallCommand[],
): string | null {
  const isKind =
    sqlType === 'text' ? isLine : sqlType === 'boolean' ? isBoolean : Number.isSafeInteger
  const values: ReturnType<BatchColumn['of']>[] = []
  let isEmpty = commands.length > 0
  // A loop: most batches are of one command, for which the calls of a function a value would cost more than the rest.
  for (const command of commands) {
    const value = of(command)
    if (value !== null) {
      if (!isKind(value)) throw notCarried(name, command, value)
      isEmpty = false
    }
    values.push(value)
  }
  // join writes null as nothing. Texts that grow piece by piece cost more.
  return isEmpty ? null : values.join('\n')
}

/** @throws TypeError for the first value that would not come back as it is */
function throwUnreadable(commands: readonly CallCommand[]): void {
  for (const { name, of } of batchColumns) {
    const command = commands.find((each) => !isReadable(String(of(each))))
    if (command) throw notCarried(name, command, of(command))
  }
}

function isLine(value: unknown): boolean {
  return (
    typeof value === 'string' &&
    value.length > 0 &&
    value.length <= maxTextLength &&
    !value.includes('\n')
  )
}

function isBoolean(value: unknown): boolean {
  return typeof value === 'boolean'
}

/** NUL, and JSON's escapes of it and of half a pair. A backslash that is escaped itself begins no escape. */
const unreadable = /\0|(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f])/i

function isReadable(text: string): boolean {
  // Nearly no text has either, and looking for them costs far less than the expression.
  const maybeUnreadable = text.includes('\\') || text.includes('\0')
  return !(maybeUnreadable && unreadable.test(text)) && text.isWellFormed()
}

function notCarried(name: string, { kind }: CallCommand, value: unknown): TypeError {
  return new TypeError(`${kind}: its ${name} is none: ${String(value).slice(0, 100)}`)
}

function column(
  name: string,
  sqlType: string,
  use: BatchColumn['use'],
  of: BatchColumn['of'],
): BatchColumn {
  return { name, sqlType, use, of }
}

function quantityOf(command: CallCommand): number | null {
  if ('calls' in command) return command.calls
  return 'quantity' in command ? command.quantity : null
}

/**
 * What has no column of its own in the log, as canonical JSON. It is written as it is. Besides, read_state.sql reads its
 * `lease`, check_plan.sql its `plan`, price_by_tiers.sql what it says of tiers, and note_purchase.sql its `holdSeconds`, `sentCredits` and `sentQuantity`.
 */
function payloadOf(command: CallCommand): string {
  switch (command.kind) {
    case 'hold':
      return command.claim || isItemised(command)
        ? canonicalJson({
            claim: command.claim?.key,
            requestHash: command.claim?.requestHash,
            holdSeconds: whole(command.holdSeconds),
            keyVersion: whole(command.keyVersion),
            ...itemsOf(command),
          })
        : heldPayload(command)
    case 'extend':
      return command.sent
        ? canonicalJson({
            holdSeconds: whole(command.holdSeconds),
            keyVersion: whole(command.keyVersion),
            sentCredits: whole(command.sent.credits),
            sentQuantity: whole(command.sent.quantity),
          })
        : heldPayload(command)
    case 'lease':
      return heldPayload(command)
    case 'charge_on_lease':
      return command.shortfall || isItemised(command)
        ? canonicalJson({
            keyVersion: whole(command.keyVersion),
            lease: text(command.lease),
            shortfall: command.shortfall ? whole(command.shortfall) : undefined,
            ...itemsOf(command),
          })
        : `{"keyVersion":${whole(command.keyVersion)},"lease":"${command.lease}"}`
    case 'void_on_lease':
      return canonicalJson({ lease: command.lease, reason: text(command.reason) })
    case 'settle':
      return command.alreadyDelivered ||
        command.shortfall ||
        command.terminatedBy ||
        isItemised(command)
        ? canonicalJson({
            delivered: command.alreadyDelivered ? true : undefined,
            shortfall: command.shortfall ? whole(command.shortfall) : undefined,
            terminatedBy: command.terminatedBy,
            ...itemsOf(command),
          })
        : '{}'
    case 'release':
      return canonicalJson({ reason: text(command.reason) })
    case 'expire':
      return '{}'
    case 'count':
      return `{"errors":${command.errors},"latencyMsSum":${command.latencyMsSum}}`
    case 'count_refused':
      return canonicalJson({ reason: text(command.reason) })
    default:
      return command satisfies never
  }
}

/** The text that canonicalJson would make, which costs more. */
function heldPayload({ holdSeconds, keyVersion }: Hold | LeaseHold | Extend): string {
  return `{"holdSeconds":${whole(holdSeconds)},"keyVersion":${whole(keyVersion)}}`
}

type PricedCommand = Hold | ChargeOnLease | Settle

/**
 * Whether the payload says more of what the call costs than its quantity: for a price of several components, with rates by a
 * value, or of a plan.
 */
function isItemised({ parts, by, plan, tiered }: PricedCommand): boolean {
  return parts !== undefined || by !== undefined || plan !== undefined || tiered !== undefined
}

/** The ledger fills in the volume, see price_by_tiers.sql. */
function itemsOf({ parts, by, plan, tiered }: PricedCommand) {
  return {
    volume: tiered && null,
    volumeOf: tiered?.component,
    parts: parts && mapValues(parts, whole),
    by: by === undefined ? undefined : text(by),
    plan: plan === undefined ? undefined : text(plan),
  }
}

function whole(value: number): number {
  if (!Number.isSafeInteger(value) || value < 0) throw new TypeError(`no whole number: ${value}`)
  return value
}

function text<Text extends string>(value: Text): Text {
  if (typeof value !== 'string' || value === '') throw new TypeError(`no text: ${value}`)
  return value
}
