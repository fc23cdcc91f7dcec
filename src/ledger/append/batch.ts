/**
 * A batch of call items as the parameters of append_v1.
 *
 * Each column travels as one text, a line an item, which Postgres splits: a fifth of the cost of
 * array literals. It is safe because no value holds a line feed (ids are ours, and JSON text escapes
 * control characters); an empty line is null.
 */
import { canonicalJson } from '../../../events/canonical-json.ts'
import type { CallCommand } from './call-commands.ts'

type Column = readonly [
  sqlType: string,
  value: (item: CallCommand) => string | number | boolean | null,
]

const columns: readonly Column[] = [
  ['text', (i) => i.kind],
  ['text', (i) => ('requestId' in i ? i.requestId : null)],
  ['text', (i) => i.accountId],
  ['text', (i) => i.keyId],
  ['integer', (i) => ('keyVersion' in i ? i.keyVersion : null)],
  ['integer', (i) => ('accountVersion' in i ? i.accountVersion : null)],
  ['boolean', (i) => ('previousSecret' in i ? i.previousSecret : null)],
  ['text', (i) => i.mode],
  ['bigint', (i) => ('credits' in i ? i.credits : null)],
  ['bigint', (i) => (i.kind === 'count' ? i.calls : 'quantity' in i ? i.quantity : null)],
  ['integer', (i) => (i.kind === 'lease' ? i.slots : null)],
  ['text', (i) => (i.kind === 'lease' ? null : i.endpoint)],
  ['text', (i) => ('tariff' in i ? i.tariff : null)],
  ['smallint', (i) => ('status' in i ? (i.status ?? null) : null)],
  ['integer', (i) => ('latencyMs' in i ? i.latencyMs : null)],
  ['text', (i) => i.actor],
  ['text', (i) => (i.kind === 'hold' ? (i.claim?.key ?? null) : null)],
  ['text', (i) => (i.kind === 'hold' ? (i.claim?.requestHash ?? null) : null)],
  ['text', payloadOf],
]

export const appendStatement = `select * from append_v1($1::smallint, $2::uuid, $3::bigint, $4::text,
  ${columns.map(([type], i) => `string_to_array($${i + 5}, E'\\n', '')::${type}[]`).join(',\n  ')})`

/** The column texts of a batch, in the order of the statement's parameters. */
export function pack(items: readonly CallCommand[]): string[] {
  // join writes null as nothing; texts that grow piece by piece cost more.
  return columns.map(([, value]) => items.map((item) => value(item)).join('\n'))
}

function payloadOf(item: CallCommand): string {
  switch (item.kind) {
    case 'hold':
      return item.claim
        ? canonicalJson({
            claim: item.claim.key,
            requestHash: item.claim.requestHash,
            holdSeconds: item.holdSeconds,
            keyVersion: item.keyVersion,
          })
        : `{"holdSeconds":${item.holdSeconds},"keyVersion":${item.keyVersion}}`
    case 'lease':
    case 'extend':
      return `{"holdSeconds":${item.holdSeconds},"keyVersion":${item.keyVersion}}`
    case 'charge_on_lease':
      return `{"keyVersion":${item.keyVersion},"lease":"${item.lease}"}`
    case 'void_on_lease':
      return canonicalJson({ lease: item.lease, reason: item.reason })
    case 'settle':
      return item.shortfall || item.terminatedBy
        ? canonicalJson({
            ...(item.terminatedBy ? { terminatedBy: item.terminatedBy } : {}),
            ...(item.shortfall ? { shortfall: item.shortfall } : {}),
          })
        : '{}'
    case 'release':
      return canonicalJson({ reason: item.reason })
    case 'expire':
      return '{}'
    case 'count':
      return `{"errors":${item.errors},"latencyMsSum":${item.latencyMsSum}}`
    default:
      return item satisfies never
  }
}
