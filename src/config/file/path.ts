/** What a route says of its methods, its path and its query. */
import { Type } from '@sinclair/typebox'
import { text } from '../../lib/schema-fields.ts'
import { JsonSchema } from './json-schema-field.ts'

export const Method = Type.Union(
  [
    Type.Literal('GET'),
    Type.Literal('HEAD'),
    Type.Literal('POST'),
    Type.Literal('PUT'),
    Type.Literal('PATCH'),
    Type.Literal('DELETE'),
  ],
  { description: 'The HTTP method.' },
)

export const Methods = Type.Array(Method, {
  minItems: 1,
  uniqueItems: true,
  description:
    'The HTTP methods, where there are several. Only POST, PUT and PATCH have a body then.',
})

const anyPath = '^/[^\\s?#\\\\%]*$'

export const PublicPath = text(
  anyPath,
  'a path such as /v1/search',
  'The public path: exact, or with parameters, as in /v1/files/{id} or /v1/files/{path*}.',
)

export const UpstreamPath = text(
  anyPath,
  'a path such as /api/search',
  "The path on the upstream's side; parameters of `path` can stand in it. Default: as `path`.",
)

export const Parameters = Type.Record(Type.String(), JsonSchema, {
  description:
    'A JSON Schema for each parameter of the path. Default: a text of 1 to 200 characters, of a tail 1,000.',
})

export const EncodedSlash = Type.Boolean({
  description: 'Whether a parameter of the path may contain a slash, written %2F. Default: false.',
})

export const Query = Type.Union(
  [
    Type.Literal('any'),
    Type.Record(
      Type.String({ minLength: 1 }),
      {
        ...JsonSchema,
        hint: 'parameters stand directly under `query`, each with its JSON Schema and, where every call must have it, `required: true`',
      },
      {
        description: 'A JSON Schema for each parameter, with `required: true` among its keywords.',
      },
    ),
  ],
  {
    sample: '{ q: { type: string } }',
    description:
      'The parameters of the query that are forwarded, or `any`. Absent: a request with a query is refused.',
  },
)
