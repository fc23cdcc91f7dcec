/**
 * Whether a JSON Schema can be compiled, as far as that is easily seen. A configuration may have thousands of schemas, most
 * of which describe responses, or routes that are not called for hours: these need not be compiled before the gateway
 * starts. A schema that is not plain may be sound, too, or not: the compiler has to say.
 */
import { isMapping } from '../lib/is-mapping.ts'
import {
  isPattern,
  listKeywords,
  mapKeywords,
  plainKeywords,
  singleKeywords,
} from './schema-keywords.ts'

interface Known {
  readonly isFormat: (name: string) => boolean
  /** Whether a reference leads to a schema that is known by then, which is checked by itself. */
  readonly isReference: (ref: string) => boolean
}

/** No schema of a person is deeper, and none that refers to itself ends. */
const maxDepth = 60

export function isPlainSchema(schema: unknown, known: Known, depth = 0): boolean {
  if (typeof schema === 'boolean') return true
  if (!isMapping(schema) || depth > maxDepth || !fitsTogether(schema)) return false
  const isPlain = (part: unknown) => isPlainSchema(part, known, depth + 1)
  return Object.entries(schema).every(([keyword, value]) => {
    if (singleKeywords.has(keyword)) return isPlain(value)
    if (listKeywords.has(keyword)) {
      return Array.isArray(value) && value.length > 0 && value.every(isPlain)
    }
    if (mapKeywords.has(keyword)) return isMapping(value) && Object.values(value).every(isPlain)
    if (keyword === '$ref') return typeof value === 'string' && known.isReference(value)
    if (keyword === 'pattern') return isPattern(value)
    if (keyword === 'format') return typeof value === 'string' && known.isFormat(value)
    return plainKeywords.get(keyword)?.(value) === true
  })
}

/** Whether no keyword lacks the one that it belongs to, or is at odds with one beside it. */
function fitsTogether(schema: Readonly<Record<string, unknown>>): boolean {
  const has = (keyword: string) => keyword in schema
  if (has('patternProperties')) return false
  if (has('if') !== (has('then') || has('else'))) return false
  return has('contains') || !(has('minContains') || has('maxContains'))
}
