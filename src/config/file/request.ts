/** What a route takes as its body. */
import { Type } from '@sinclair/typebox'
import { atLeast, closed, text } from '../../lib/schema-fields.ts'
import { JsonSchema } from './json-schema-field.ts'

export const oneGiB = 1_073_741_824

const JsonRequest = closed(
  { json: JsonSchema },
  { description: 'The body is JSON and must fit this schema.' },
)

const MultipartRequest = closed(
  {
    multipart: closed(
      {
        file: Type.String({ minLength: 1, description: 'The field that carries the file.' }),
        fields: Type.Optional(JsonSchema),
        maxBytes: atLeast(1, 'How large the whole form may be, file and all.', oneGiB),
        types: Type.Array(
          text(
            '^[a-z]+/(\\*|[a-z0-9.+-]+)$',
            'a media type such as audio/* or audio/mpeg',
            'A media type.',
          ),
          { minItems: 1, description: 'The media types that the file may have.' },
        ),
      },
      { description: 'A form with one file; its other fields are text and must fit `fields`.' },
    ),
  },
  { description: 'The body is a form with a file.' },
)

export const RouteRequest = Type.Union([JsonRequest, MultipartRequest], {
  description: 'The body, `json` or `multipart`. Absent: the route takes none.',
})
