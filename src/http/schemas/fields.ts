/** The kinds of field of requests and responses. An error names what was expected by the field's `title`. */
import { Kind, type SchemaOptions, Type, TypeRegistry } from '@sinclair/typebox'
import { type Static, type TSchema, t } from 'elysia'
import { maxAmount } from '../../../events/bounds.ts'
import { countCharacters } from '../../lib/count-characters.ts'

/** An object in which an unknown field is an error: a typo must not silently mean the default. */
export function closed<T extends Parameters<typeof t.Object>[0]>(properties: T) {
  return t.Object(properties, { additionalProperties: false })
}

/**
 * A schema whose static type is that of the function that makes the value. The API documentation shows the
 * schema, and responses are checked against it.
 */
export function typedSchema<T>(schema: TSchema) {
  return t.Unsafe<T>(schema)
}

/** For bodies. Elysia's own integer also accepts texts of digits, and the API documentation would say so. */
export const integer = Type.Integer

/** A sum over time, calls or accounts; see Sum. */
export function sum(description?: string) {
  const digits = t.String({ pattern: '^-?[0-9]{16,}$' })
  return t.Union([integer(), digits], {
    title: 'an integer',
    description: `${description ? `${description} ` : ''}A sum beyond 2^53 - 1 is a text of its digits.`,
  })
}

interface Range {
  readonly minimum: number
  readonly maximum: number
  readonly default?: number
  readonly description?: string
}

/**
 * For queries, where everything is text. Elysia's own integer checks its range only after the query, and a refusal could not say
 * which parameter is out of it.
 */
export function queryInteger(options: Range) {
  const { minimum, maximum } = options
  const title = `an integer from ${minimum} to ${maximum}`
  const text = t.Unsafe<number>({ ...options, title, [Kind]: 'TextOfInteger', type: 'integer' })
  return t.Transform(text).Decode(Number).Encode(Number)
}

/** A default is a number already. */
TypeRegistry.Set<Range>('TextOfInteger', ({ minimum, maximum }, value) => {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value
  return Number.isInteger(number) && minimum <= Number(number) && Number(number) <= maximum
})

/** How many entries of a list a page has. Optional for typed clients, which need not name it. */
export function pageLimit(options: { maximum: number; default: number }) {
  return t.Optional(queryInteger({ minimum: 1, ...options }))
}

/** In queries of lists: where a page begins. Nothing that is made meanwhile moves it. */
export const cursor = t.String({
  pattern: '^[0-9A-Za-z_-]{1,64}$',
  title: 'a cursor, as `nextCursor` of the page before',
})
/** In responses of lists. */
export const nextCursor = t.Nullable(
  t.String({ description: 'The `cursor` of the next page; null on the last page.' }),
)

/**
 * A text whose length is counted as JSON Schema says, in characters. TypeBox counts UTF-16 units, of which an emoji has two, so
 * these texts are a kind of their own.
 */
function text(options: { minLength?: number; maxLength: number } & SchemaOptions) {
  return t.Unsafe<string>({ ...options, [Kind]: 'TextOfCharacters', type: 'string' })
}

TypeRegistry.Set<{ minLength?: number; maxLength: number }>(
  'TextOfCharacters',
  ({ minLength = 0, maxLength }, value) => {
    if (typeof value !== 'string' || value.length < minLength) return false
    // No text has more characters than units.
    return (
      value.length <= maxLength ||
      (value.length <= 2 * maxLength && countCharacters(value) <= maxLength)
    )
  },
)

/** The field, or null. */
export function nullable<T extends TSchema>(schema: T) {
  return t.Nullable(schema, { title: `${schema.title ?? 'a value'}, or null` })
}

function count(minimum: number, maximum: number) {
  return integer({ minimum, maximum, title: `an integer from ${minimum} to ${maximum}` })
}

export const id = t.String({ pattern: '^[0-9A-Za-z_-]{1,64}$', title: 'an id' })
export const idParams = t.Object({ id })

export const keyName = text({
  minLength: 1,
  maxLength: 200,
  title: 'a text of 1 to 200 characters',
})
/** Of a rotation. */
export const graceSeconds = t.Optional(
  integer({
    minimum: 0,
    maximum: 30 * 86_400,
    description: 'How long the old secret stays valid. Without it, not at all.',
  }),
)
export const description = nullable(
  text({ maxLength: 2_000, title: 'a text of at most 2,000 characters' }),
)
export const noteText = text({
  minLength: 1,
  maxLength: 2_000,
  title: 'a text of 1 to 2,000 characters',
})
const line = (maxLength: number) =>
  text({ minLength: 1, maxLength, title: `a text of 1 to ${maxLength} characters` })
/** Who an account's owner is, as far as it is to change. Null takes away what was said. */
export const profile = closed({
  name: t.Optional(nullable(line(200))),
  contact: t.Optional(
    nullable(
      t.String({
        pattern: '^[^\\s@]{1,64}@[^\\s@]{1,189}$',
        title: 'an e-mail address',
        examples: ['billing@example.com'],
      }),
    ),
  ),
  billingAddress: t.Optional(
    t.Array(line(200), { maxItems: 8, title: 'the lines of an address, at most 8' }),
  ),
  taxId: t.Optional(nullable(line(64))),
})
const remark = (description: string) =>
  t.Optional(
    text({
      minLength: 1,
      maxLength: 1_000,
      title: 'a text of 1 to 1,000 characters',
      description,
    }),
  )
export const reason = remark('Why; kept encrypted with the events that follow.')
/** Prices and operator keys are of no account, so nothing of them is kept under an account's secret. */
export const plainReason = remark(
  'Why; it stands in the log as plain text, for ever, and cannot be erased. No names of persons.',
)
export const notice = remark('For customers to read.')
export const requiredExternalId = t.String({
  pattern: '^[!-~]{1,200}$',
  title: '1 to 200 printable ASCII characters without spaces',
  description: 'Unique per account: the same request again with it gets the same response.',
})
export const externalId = t.Optional(requiredExternalId)
/** Of routes that move credits. */
export const idempotencyHeader = t.Object({
  'idempotency-key': t.Optional(
    t.String({
      pattern: '^[!-~]{1,200}$',
      title: '1 to 200 printable ASCII characters without spaces',
      description: 'Stands in for the `externalId` of a body that has none.',
    }),
  ),
})
export const permissions = nullable(
  t.Array(t.String({ minLength: 1, maxLength: 63 }), {
    minItems: 1,
    maxItems: 100,
    title: 'a list of permissions such as search',
  }),
)
/** Every change of a key is written to the log with all of them. */
export const addresses = t.Array(t.String({ maxLength: 49 }), {
  maxItems: 100,
  title: 'a list of at most 100 IP addresses and CIDR ranges',
  description: 'Addresses and CIDR ranges that the key may be used from; none: from anywhere.',
})
export const time = t.String({
  format: 'date-time',
  title: 'a time such as 2026-01-31T12:00:00Z, before the year 2200',
})
export const mode = t.Union([t.Literal('live'), t.Literal('test')], { title: 'live or test' })
export const day = t.String({
  pattern: '^\\d{4}-\\d\\d-\\d\\d$',
  title: 'a day such as 2026-01-31',
  examples: ['2026-01-31'],
})
export const month = t.String({
  pattern: '^20\\d\\d-(0[1-9]|1[0-2])$',
  title: 'a month such as 2026-01',
  examples: ['2026-01'],
})
export const position = t.String({
  pattern: '^\\d{1,5}-\\d{1,15}$',
  title: 'a position such as 0-1234',
  examples: ['0-1234'],
})

export const credits = count(1, maxAmount)
export const monthlyCredits = count(0, maxAmount)
export const minorUnits = count(0, maxAmount)
export const rateLimit = count(1, 1_000_000)
export const maxInFlight = count(1, 100_000)

/** The time as the ledger writes it. The schema has checked that the text is a time. */
export function iso(text: string): string {
  return new Date(text).toISOString()
}

export type { Static }
