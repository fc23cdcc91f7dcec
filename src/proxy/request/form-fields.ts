/** The fields of a form, and the parameters of a query, as what they stand for by the schema that the route has for them. */
import { type InvalidField, type JsonSchema, schemaCheck } from '../../config/json-schema.ts'
import { pointerStep, shortPointer } from '../../lib/json-pointer.ts'
import { textFault } from '../../lib/strict-json.ts'
import { textReader } from '../../lib/text-values.ts'

export type Field = readonly [name: string, text: string]

/** The values of the fields, or what is wrong with them. */
export function readFields(
  fields: readonly Field[],
  schema: JsonSchema,
  checksAll: boolean,
): { readonly values: Readonly<Record<string, unknown>> } | { readonly faults: InvalidField[] } {
  for (const [name, text] of fields) {
    const fault = fieldFault(name, text)
    if (fault !== undefined) return { faults: [fault] }
  }
  const read = textReader(schema)(fields)
  if ('repeated' in read) {
    return { faults: [{ pointer: pointerOf(read.repeated), detail: 'stands twice' }] }
  }
  const faults = schemaCheck(schema)(read.values, checksAll)
  return faults.length > 0 ? { faults } : read
}

/** What is wrong with a field before anything is known of its schema. */
export function fieldFault(name: string, text: string): InvalidField | undefined {
  const pointer = pointerOf(name)
  if (name === '__proto__') return { pointer, detail: 'unknown field' }
  return textFault(name, '') ?? textFault(text, pointer)
}

export function pointerOf(name: string): string {
  return shortPointer(pointerStep(name))
}
