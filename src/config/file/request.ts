/** What a route takes as its body. */
import { type Static, Type } from '@sinclair/typebox'
import { atLeast, closed, text } from '../../lib/schema-fields.ts'
import { JsonSchema } from './json-schema-field.ts'

export const oneGiB = 1_073_741_824

const MediaTypes = (description: string) =>
  Type.Array(
    text(
      '^(\\*/\\*|[a-z]+/(\\*|[a-z0-9.+-]+))$',
      'a media type such as audio/mpeg, audio/* or */*',
      'A media type.',
    ),
    { minItems: 1, sample: '[image/*]', description },
  )

/** What is written at another place; the fault says where. */
const elsewhere = { maxBodyBytes: 'the route, beside `request`' }

const JsonRequest = closed(
  {
    json: Type.Union([Type.Literal('any'), JsonSchema], {
      description: 'The JSON Schema (2020-12) of the body, or `any`.',
    }),
  },
  { description: 'The body is JSON and must fit this schema.', elsewhere },
)

const FormField = {
  ...JsonSchema,
  hint: 'the fields stand directly under `form`, each with its JSON Schema, and `required` stands beside it',
}

const FormRequest = closed(
  {
    form: Type.Record(Type.String({ minLength: 1 }), FormField, {
      description:
        'Its fields by name, each with a JSON Schema that has a `type`, an `enum` or a `const`. Numbers, true and false are read from their text; a field of type array may stand several times.',
    }),
    required: Type.Optional(
      Type.Array(Type.String({ minLength: 1 }), {
        minItems: 1,
        description: 'The fields that every form has. The others are optional.',
      }),
    ),
  },
  { description: 'The body is a form (application/x-www-form-urlencoded).', elsewhere },
)

const formFields = Type.Optional({
  ...JsonSchema,
  description:
    'A JSON Schema (2020-12) of the other fields, as an object. Numbers, true and false are read from their text. A field that is not listed is refused, unless it says `additionalProperties: true`. Absent: there are none.',
})
const maxFormBytes = atLeast(1, 'How large the whole form may be, files and all.', oneGiB)
const fileTypes = () => MediaTypes('The media types that the file may have.')

const OneFile = closed(
  {
    file: Type.String({ minLength: 1, description: 'The field that carries the file.' }),
    fields: formFields,
    maxBytes: maxFormBytes,
    types: fileTypes(),
  },
  { description: 'A form with one file; its other fields are text and must fit `fields`.' },
)

const SeveralFiles = closed(
  {
    files: Type.Record(
      Type.String({ minLength: 1 }),
      closed(
        {
          types: fileTypes(),
          maxBytes: Type.Optional(atLeast(1, 'How large the file may be.', oneGiB)),
          optional: Type.Optional(
            Type.Boolean({ default: false, description: 'The form may lack this file.' }),
          ),
        },
        { description: 'A file of the form.' },
      ),
      { description: 'The files, by the name of their field.' },
    ),
    fields: formFields,
    maxBytes: maxFormBytes,
  },
  { description: 'A form with several files; its other fields are text and must fit `fields`.' },
)

const MultipartRequest = closed(
  {
    multipart: Type.Union([OneFile, SeveralFiles], {
      description: 'The form: `file` with `types`, or several `files` by name.',
    }),
  },
  { description: 'The body is a form with files (multipart/form-data).' },
)

const RawRequest = closed(
  { raw: MediaTypes('The media types that the body may have.') },
  {
    description:
      'The body is bytes of one of these types, forwarded as they come. It is streamed where the client says its length and names no Idempotency-Key.',
    elsewhere,
  },
)

const AnyRequest = Type.Literal('any', {
  description: 'Whatever the client sends, forwarded with its Content-Type.',
})

export const RouteRequest = Type.Union(
  [AnyRequest, JsonRequest, FormRequest, MultipartRequest, RawRequest],
  {
    description:
      'The body: `any`, or one of `json`, `form`, `multipart` and `raw`. Absent: the route takes none.',
  },
)

export type RouteRequest = Static<typeof RouteRequest>
