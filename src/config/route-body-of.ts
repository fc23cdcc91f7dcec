/** What a route takes as its body, with the short forms of the file written out. */
import { mapValues } from '../lib/map-values.ts'
import { dereferenced } from '../lib/named-schemas.ts'
import type { MultipartForm, RouteBody } from '../pricing/route-body.ts'
import type { RouteRequest } from './file/request.ts'
import type { JsonSchema } from './json-schema.ts'

export function routeBodyOf(request: RouteRequest): RouteBody {
  if (request === 'any') return { any: true }
  if ('json' in request) return { json: request.json === 'any' ? {} : request.json }
  if ('raw' in request) return request
  if ('multipart' in request) return { multipart: multipartOf(request.multipart) }
  const { form: properties, required = [] } = request
  return { form: { type: 'object', additionalProperties: false, properties, required } }
}

function multipartOf(
  multipart: Extract<RouteRequest, { multipart: unknown }>['multipart'],
): MultipartForm {
  const { maxBytes } = multipart
  const fields = closedFields(multipart.fields ?? { type: 'object' })
  if ('file' in multipart) {
    const { file, types } = multipart
    return { files: { [file]: { types, maxBytes, optional: false } }, fields, maxBytes }
  }
  const files = mapValues(multipart.files, (file) => ({ maxBytes, optional: false, ...file }))
  return { files, fields, maxBytes }
}

/** As in every form, a field that is not listed is refused, unless the schema says otherwise. */
function closedFields(given: JsonSchema): JsonSchema {
  const schema = dereferenced(given)
  if ('additionalProperties' in schema || 'unevaluatedProperties' in schema) return given
  // Fields can be listed in the parts of a schema as well.
  const isOfParts = [
    '$ref',
    '$dynamicRef',
    'allOf',
    'anyOf',
    'oneOf',
    'if',
    'dependentSchemas',
  ].some((keyword) => keyword in schema)
  return { ...schema, [isOfParts ? 'unevaluatedProperties' : 'additionalProperties']: false }
}
