/** How the upstream's JSON body is made of the request. */
import { Type } from '@sinclair/typebox'
import { closed } from '../../lib/schema-fields.ts'

const named = (description: string) => Type.String({ minLength: 1, description })

/** What becomes of the value. */
const changes = {
  default: Type.Optional(
    Type.Unknown({ description: 'Sent when the request has no value there.' }),
  ),
  values: Type.Optional(
    Type.Record(Type.String(), Type.Unknown(), {
      description: 'Our values by theirs, for texts that differ; others are sent as they are.',
    }),
  ),
}

const description = 'Where their field comes from.'

const FieldSource = Type.Union([
  closed({ from: named('Our field.'), ...changes }, { description }),
  closed({ parameter: named('A parameter of the path.'), ...changes }, { description }),
  closed({ query: named('A parameter of the query.'), ...changes }, { description }),
])

export const FieldMap = Type.Record(
  Type.String({ minLength: 1 }),
  Type.Union([Type.String({ minLength: 1 }), ...FieldSource.anyOf]),
  {
    description:
      "Their JSON body's fields and where each comes from: `theirs: ours`, or `theirs: {from: ours, default, values}`, or `theirs: {parameter: name}` and `theirs: {query: name}` for a value of the path or the query. Values are sent as they are written. Absent: our body is sent byte for byte.",
  },
)
