/** A JSON Schema that stands in tollbook.yaml. */
import { Type } from '@sinclair/typebox'

export const JsonSchema = Type.Record(Type.String(), Type.Unknown(), {
  description: 'A JSON Schema (2020-12).',
})
