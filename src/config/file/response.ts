/** What a route says of its response. */
import { Type } from '@sinclair/typebox'
import { closed } from '../../lib/schema-fields.ts'
import { Condition } from '../../pricing/condition.ts'
import { JsonSchema } from './json-schema-field.ts'

export const ResponseDocument = Type.Union(
  [
    closed({ json: JsonSchema }, { description: 'A JSON response.' }),
    closed(
      { binary: Type.String({ minLength: 1, description: 'Its media type.' }) },
      { description: 'A binary response.' },
    ),
  ],
  {
    description: 'The response, `json` or `binary`: documentation, not checked at run time.',
  },
)

export const Streams = closed(
  {
    when: Type.Union([Type.Literal('always'), Condition], {
      description: '`always`, or a test on the JSON of the request.',
    }),
    send: Type.Optional(
      Type.Record(Type.String({ minLength: 1 }), Type.Unknown(), {
        description:
          "Laid over such a request's JSON before it is sent: objects are merged, all else replaces, and no other byte changes.",
      }),
    ),
  },
  {
    description:
      'Which requests ask for a response event by event (text/event-stream), for a price per token: they hold a step at a time.',
  },
)
