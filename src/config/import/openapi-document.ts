/** An OpenAPI document as it is read: its parts are looked at one by one, because documents are often not quite right. */

import { parseDocument } from 'yaml'
import { isMapping } from '../../lib/is-mapping.ts'
import { valueAt } from '../../lib/json-pointer.ts'

export type Mapping = Readonly<Record<string, unknown>>

/** Thrown for a document that cannot be imported at all. Its message is a sentence for whoever imports it. */
export class ImportError extends Error {}

export interface OpenApiDocument {
  /** The whole document, for references into it. */
  readonly root: Mapping
  /** As the document says it, such as `3.0.3`. */
  readonly version: string
  /** Its schemas are those of OpenAPI 3.0, which are no JSON Schemas yet. */
  readonly isOld: boolean
}

/** @throws ImportError when the text is not an OpenAPI 3.0 or 3.1 document, saying why */
export function readOpenApi(text: string): OpenApiDocument {
  const root = parse(text)
  if (!isMapping(root)) throw new ImportError('it is not an OpenAPI document, but no mapping.')
  if (root.swagger !== undefined) {
    throw new ImportError(
      `it is Swagger ${oneLine(root.swagger)}: convert it first, as with "npx swagger2openapi swagger.json -o openapi.json".`,
    )
  }
  const { openapi: version } = root
  if (typeof version !== 'string' || !/^3\.[01](\.|$)/.test(version)) {
    const found =
      version === undefined ? 'has no field `openapi`' : `is OpenAPI ${oneLine(version)}`
    throw new ImportError(`it ${found}; versions 3.0 and 3.1 are read.`)
  }
  return { root, version, isOld: version.startsWith('3.0') }
}

/** JSON is read as JSON, which is fast. YAML is read as YAML 1.2. */
function parse(text: string): unknown {
  if (/^\s*\{/.test(text)) {
    try {
      return JSON.parse(text)
    } catch {
      // YAML in braces, perhaps.
    }
  }
  const document = parseDocument(text, { prettyErrors: false })
  const [error] = document.errors
  if (error !== undefined)
    throw new ImportError(`it is neither JSON nor YAML: ${oneLine(error.message)}`)
  try {
    return document.toJS()
  } catch (error) {
    throw new ImportError(
      `it is not YAML: ${oneLine(error instanceof Error ? error.message : error)}`,
    )
  }
}

/** What stands there, or what a local reference that stands there leads to; undefined for a reference that leads nowhere. */
export function resolved(document: OpenApiDocument, value: unknown): unknown {
  let at = value
  for (let steps = 0; steps < 20 && isMapping(at) && typeof at.$ref === 'string'; steps++) {
    at = target(document, at.$ref)
  }
  return isMapping(at) && typeof at.$ref === 'string' ? undefined : at
}

/** The same, of something that has to be a mapping. */
export function mappingAt(document: OpenApiDocument, value: unknown): Mapping | undefined {
  const found = resolved(document, value)
  return isMapping(found) ? found : undefined
}

/** What a reference leads to, inside the document. */
export function target({ root }: OpenApiDocument, ref: string): unknown {
  if (!ref.startsWith('#/')) return undefined
  return valueAt(root, decoded(ref.slice(1)))
}

function decoded(pointer: string): string {
  try {
    return decodeURIComponent(pointer)
  } catch {
    return pointer
  }
}

/** The entries of a mapping; none of anything else. */
export function entriesOf(value: unknown): [string, unknown][] {
  return isMapping(value) ? Object.entries(value) : []
}

export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

/** A stranger's text for a line of a comment, of a table or of a terminal: without breaks and control characters. */
export function oneLine(value: unknown, maxLength = 200): string {
  const text = (typeof value === 'string' ? value : String(JSON.stringify(value)))
    .replace(/[\s\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]+/gu, ' ')
    .trim()
  return text.length > maxLength ? `${text.slice(0, maxLength - 1).toWellFormed()}…` : text
}
