/** What a call takes as its body, in the API documentation. */
import type { Route } from '../../config/config.ts'
import type { JsonSchema } from '../../config/json-schema.ts'
import type { MultipartForm, RouteBody } from '../../pricing/route-body.ts'
import { jsonContent, named, type Schemas } from './openapi-schemas.ts'
import type { Content, RequestBody } from './openapi-types.ts'

export function requestBody(
  { id, request, maxBodyBytes }: Route,
  schemas: Schemas,
): RequestBody | undefined {
  if (request === undefined) return undefined
  const content = contentOf(request, `${id}.request`, schemas)
  if ('any' in request) {
    return { required: false, description: `Of any type. ${sizeText(maxBodyBytes)}`, content }
  }
  if ('raw' in request) {
    const types = request.raw.map((type) => `\`${type}\``).join(', ')
    return { required: true, description: `Bytes of ${types}. ${sizeText(maxBodyBytes)}`, content }
  }
  return { required: true, content }
}

function contentOf(request: RouteBody, name: string, schemas: Schemas): Content {
  if ('json' in request) return { 'application/json': jsonContent(name, request.json, schemas) }
  if ('form' in request) {
    return { 'application/x-www-form-urlencoded': jsonContent(name, request.form, schemas) }
  }
  if ('multipart' in request) {
    const { files } = request.multipart
    const types = Object.entries(files).map(([file, { types }]) => [
      file,
      { contentType: types.join(', ') },
    ])
    return {
      'multipart/form-data': {
        schema: named(name, formSchema(request.multipart), schemas),
        encoding: Object.fromEntries(types),
      },
    }
  }
  const types = 'raw' in request ? request.raw : ['application/octet-stream', 'text/*', '*/*']
  return bytesContent(types)
}

/** The fields of the form, the files among them. */
function formSchema({ files, fields, maxBytes }: MultipartForm): JsonSchema {
  const { properties, required } = fields
  const entries = Object.entries(files)
  const neededFiles = entries.filter(([, { optional }]) => !optional).map(([name]) => name)
  const fileSchemas = entries.map(([name, { types, maxBytes: fileBytes }]) => {
    const own = fileBytes === maxBytes ? '' : `at most ${fileBytes.toLocaleString('en')} bytes; `
    const whole = `the whole form may have ${maxBytes.toLocaleString('en')} bytes.`
    const description = `${types.join(', ')}; ${own}${whole}`
    return [name, { type: 'string', format: 'binary', description }]
  })
  return {
    ...fields,
    type: 'object',
    required: [...neededFiles, ...(Array.isArray(required) ? required : [])],
    properties: {
      ...Object.fromEntries(fileSchemas),
      ...(typeof properties === 'object' ? properties : {}),
    },
  }
}

/**
 * Types of a kind that come before `image/*` and the like: whoever tries a call out from the documentation sends one of
 * the listed types as it stands.
 */
const commonTypes: Readonly<Record<string, readonly string[]>> = {
  '*/*': ['application/octet-stream'],
  'application/*': ['application/octet-stream', 'application/json', 'application/pdf'],
  'audio/*': ['audio/mpeg', 'audio/wav'],
  'image/*': ['image/png', 'image/jpeg'],
  'text/*': ['text/plain'],
  'video/*': ['video/mp4'],
}

/** Bytes of these types, the common ones of a kind before the kind. */
export function bytesContent(types: readonly string[]): Content {
  const schema = { type: 'string', format: 'binary' }
  const all = types.flatMap((type) => [...(commonTypes[type] ?? []), type])
  return Object.fromEntries(all.map((type) => [type, { schema }]))
}

function sizeText(maxBytes: number): string {
  return `At most ${maxBytes.toLocaleString('en')} bytes.`
}
