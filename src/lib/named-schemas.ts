/**
 * JSON Schemas that stand once in tollbook.yaml, under `schemas`, and are used by many routes. There a route says
 * `$ref: '#/schemas/Pet'`. A schema that is compiled is its own document, in which that would lead nowhere; so the
 * references become addresses (`tollbook:schemas/…/Pet`) that mean the same wherever the schema is used.
 */

import { createHash } from 'node:crypto'
import { isMapping } from './is-mapping.ts'

type NamedSchema = Readonly<Record<string, unknown>>

const address = /^tollbook:schemas\/[0-9a-f]{16}\/([^/#]+)$/
const reference = /^#\/schemas\/([^/]+)$/

/** By their addresses. The address contains a hash of all schemas of a file, so that two files do not meet. */
const known = new Map<string, NamedSchema>()

/** What is called for each schema that becomes known, with its address: a compiler has to know it, too. */
type Introduce = (schema: NamedSchema, address: string) => void

/**
 * The file with its references to named schemas turned into addresses. The schemas are known from then on.
 *
 * @param onUnknown is called for each reference to a schema that is not there, with the path of its `$ref`
 */
export function withNamedSchemas<File extends object>(
  file: File & { readonly schemas?: unknown },
  introduce: Introduce,
  onUnknown: (name: string, path: readonly (string | number)[]) => void,
): File {
  const { schemas } = file
  if (!isMapping(schemas)) return file
  const hash = createHash('sha256').update(JSON.stringify(schemas)).digest('hex').slice(0, 16)
  const addressOf = (name: string) => `tollbook:schemas/${hash}/${name}`
  const result = map(file, [], (text, path) => {
    const name = reference.exec(text)?.[1]
    if (name === undefined) return text
    if (!Object.hasOwn(schemas, name)) onUnknown(name, path)
    return addressOf(name)
  }) as File & { readonly schemas: Readonly<Record<string, unknown>> }
  for (const [name, schema] of Object.entries(result.schemas)) {
    const at = addressOf(name)
    if (known.has(at) || !isMapping(schema)) continue
    introduce(schema, at)
    known.set(at, schema)
  }
  return result
}

/** The schema that a reference of this file's kind leads to, else the schema itself. */
export function dereferenced(schema: NamedSchema): NamedSchema {
  let at = schema
  // A chain of references is short; one that leads to itself leads nowhere.
  for (let steps = 0; steps < 10 && typeof at.$ref === 'string'; steps++) {
    const next = known.get(at.$ref)
    if (next === undefined) return at
    at = next
  }
  return at
}

/** The name in an address, or undefined for any other reference. */
export function schemaName(ref: string): string | undefined {
  return address.exec(ref)?.[1]
}

function map(
  value: unknown,
  path: readonly (string | number)[],
  change: (ref: string, path: readonly (string | number)[]) => string,
): unknown {
  if (Array.isArray(value)) return value.map((part, index) => map(part, [...path, index], change))
  if (!isMapping(value)) return value
  const result: Record<string, unknown> = {}
  for (const [key, part] of Object.entries(value)) {
    const at = [...path, key]
    result[key] =
      key === '$ref' && typeof part === 'string' ? change(part, at) : map(part, at, change)
  }
  return result
}
