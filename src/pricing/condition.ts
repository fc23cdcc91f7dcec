/** A test on JSON, as `chargeWhen`, `where` and `streams.when` of a route have one. */
import { type Static, Type } from '@sinclair/typebox'
import { valueAt } from '../lib/json-pointer.ts'
import { closed, pointer } from '../lib/schema-fields.ts'

export const Condition = closed(
  {
    pointer,
    equals: Type.Union([Type.String(), Type.Number(), Type.Boolean(), Type.Null()], {
      description: 'The value that must stand there: a text, a number, true, false or null.',
    }),
  },
  { description: 'A test on JSON: the value at the pointer is this one.' },
)

export type Condition = Static<typeof Condition>

/** Whether the value at the condition's pointer is the one that it names. */
export function meetsCondition(json: unknown, { pointer, equals }: Condition): boolean {
  return valueAt(json, pointer) === equals
}
