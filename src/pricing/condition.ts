/** A test on JSON, as `chargeWhen`, `where` and `streams.when` of a route have one. */
import { type Static, Type } from '@sinclair/typebox'
import type { Fault } from '../lib/fault.ts'
import { valueAt } from '../lib/json-pointer.ts'
import { closed, pointer } from '../lib/schema-fields.ts'

export const Condition = closed(
  {
    pointer,
    equals: Type.Optional(
      Type.Union([Type.String(), Type.Number(), Type.Boolean(), Type.Null()], {
        description: 'The value that must stand there: a text, a number, true, false or null.',
      }),
    ),
    exists: Type.Optional(
      Type.Boolean({ description: 'Instead of `equals`: whether anything must stand there.' }),
    ),
  },
  { description: 'A test on JSON: what is at the pointer.' },
)

export type Condition = Static<typeof Condition>

/** Whether what is at the condition's pointer is what it wants. */
export function meetsCondition(json: unknown, { pointer, equals, exists }: Condition): boolean {
  const value = valueAt(json, pointer)
  return exists === undefined ? value === equals : (value !== undefined) === exists
}

/** A fault of a condition that wants nothing, or two things. */
export function wantFaults({ equals, exists }: Condition, path: Fault['path']): Fault[] {
  if ((equals === undefined) !== (exists === undefined)) return []
  return [{ path, message: 'expected exactly one of equals or exists' }]
}
