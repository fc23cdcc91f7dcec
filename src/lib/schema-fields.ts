/** The few kinds of field that the configuration's schema is made of. */
import { type ObjectOptions, type TProperties, Type } from '@sinclair/typebox'

/** A mapping in which an unknown field is an error: a typo must not silently mean the default. */
export function closed<T extends TProperties>(properties: T, options: ObjectOptions) {
  return Type.Object(properties, { ...options, additionalProperties: false })
}

/** A mapping from names chosen by the operator. They end up in URLs, metrics and events, hence their alphabet. */
export function recordOf<T extends Parameters<typeof Type.Record>[1]>(
  value: T,
  description: string,
) {
  return Type.Record(Type.String({ pattern: namePattern }), value, {
    description,
    additionalProperties: false,
  })
}

export const namePattern = '^[A-Za-z][A-Za-z0-9_-]{0,62}$'

/** A count; unless more is allowed, what four bytes hold. */
export function atLeast(minimum: number, description: string, maximum = 2_147_483_647) {
  return Type.Integer({ minimum, maximum, description })
}

/** `patternErrorMessage` is what editors show, and our own messages say, when a text does not match the pattern. */
export function text(pattern: string, expected: string, description: string) {
  return Type.String({ pattern, patternErrorMessage: `expected ${expected}`, description })
}

/** A number that is kept as it is written. */
export const decimal = (description: string) =>
  text('^\\d{1,15}(\\.\\d{1,15})?$', "a text such as '1.2'", description)

export const headerName = (description: string) =>
  text('^[A-Za-z][A-Za-z0-9_-]{0,62}$', 'the name of a header', description)

export const pointer = text(
  '^(/([^~]|~[01])*)?$',
  'a JSON pointer such as /text',
  'A JSON pointer (RFC 6901).',
)

/** An address that a path can be appended to. */
const urlPattern = '^https?://[^\\s/?#@\\\\]+(/[^\\s?#@\\\\]*)?$'
export const expectedUrl = 'an http(s) URL without credentials, query or fragment'

export const url = (description: string) => ({
  ...text(urlPattern, expectedUrl, description),
  writeOnly: true,
})

export function isUpstreamUrl(candidate: string): boolean {
  return new RegExp(urlPattern).test(candidate) && URL.canParse(candidate)
}
