/** How the upstream's JSON body is made of ours. */
import { Type } from '@sinclair/typebox'
import { closed } from '../../lib/schema-fields.ts'

const FieldSource = closed(
  {
    from: Type.String({ minLength: 1, description: 'Our field.' }),
    default: Type.Optional(Type.Unknown({ description: 'Sent when our field is absent.' })),
    values: Type.Optional(
      Type.Record(Type.String(), Type.Unknown(), {
        description: 'Our values by theirs, for texts that differ; others are sent as they are.',
      }),
    ),
  },
  { description: 'Where their field comes from.' },
)

export const FieldMap = Type.Record(
  Type.String({ minLength: 1 }),
  Type.Union([Type.String({ minLength: 1 }), FieldSource]),
  {
    description:
      "Their JSON body's fields and where each comes from: `theirs: ours`, or `theirs: {from: ours, default, values}`. Absent: our body is sent byte for byte.",
  },
)
