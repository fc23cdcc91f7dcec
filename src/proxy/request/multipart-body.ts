/** A form with one audio file: it is kept in memory, measured, and forwarded byte for byte. */
import type { Multipart, Route } from '../../config/config.ts'
import { type InvalidField, type JsonSchema, schemaCheck } from '../../config/json-schema.ts'
import type { BodyLimits } from '../../lib/http-body.ts'
import { pointerStep } from '../../lib/json-pointer.ts'
import { textFault } from '../../lib/strict-json.ts'
import type { RequestContent } from '../../pricing/price-kind.ts'
import { readAudio } from './audio.ts'
import { boundaryOf, type FormPart, parseForm } from './multipart-form.ts'
import { type Refused, refuse, takeBody } from './take-body.ts'

/** A valid form, to be forwarded under its own Content-Type. */
interface MultipartBody {
  /** As the client sent it. */
  readonly bytes: Uint8Array
  readonly contentType: string
  readonly audio: NonNullable<RequestContent['audio']>
  /** The fields beside the file. */
  readonly fields: Readonly<Record<string, string>>
}

const maxErrors = 20
const noFields: JsonSchema = { type: 'object', additionalProperties: false }

/**
 * Reads the form of a call and checks it against its route.
 *
 * @throws TypeError when the route takes no form
 */
export async function readMultipartBody(
  request: Request,
  route: Pick<Route, 'request'>,
  limits: BodyLimits,
): Promise<MultipartBody | Refused> {
  if (!route.request || !('multipart' in route.request)) throw new TypeError('takes no form')
  const { multipart } = route.request
  const contentType = request.headers.get('content-type')?.trim() ?? ''
  if (!/^multipart\/form-data\s*(;|$)/i.test(contentType)) {
    return refuse(415, 'Expected Content-Type: multipart/form-data')
  }
  const boundary = boundaryOf(contentType)
  if (boundary === undefined) return refuse(400, 'The Content-Type has no usable boundary')
  const body = await takeBody(request, limits)
  if ('refusal' in body) return body
  const parts = await parseForm(body.bytes, contentType, boundary)
  if (parts === undefined) return refuse(400, 'The body is not multipart/form-data')
  const taken = takeApart(parts, multipart)
  if ('refusal' in taken) return taken
  const audio = await measure(taken.file, taken.type, multipart)
  return 'refusal' in audio
    ? audio
    : { bytes: body.bytes, contentType, audio, fields: taken.fields }
}

interface Parts {
  readonly file: File
  readonly type: string
  readonly fields: Readonly<Record<string, string>>
}

function takeApart(parts: readonly FormPart[], multipart: Multipart): Parts | Refused {
  const fields: Record<string, string> = Object.create(null)
  const errors: InvalidField[] = []
  const seen = new Set<string>()
  let file: { file: File; type: string } | undefined
  for (const part of parts) {
    const { name, value, type } = part
    const fault = seen.has(name)
      ? { pointer: pointerStep(name), detail: 'stands twice' }
      : partFault(part, multipart.file)
    seen.add(name)
    if (fault !== undefined) errors.push(fault)
    else if (typeof value === 'string') fields[name] = value
    else file = { file: value, type }
  }
  if (!seen.has(multipart.file)) {
    errors.push({ pointer: pointerStep(multipart.file), detail: 'missing' })
  }
  if (errors.length === 0) errors.push(...schemaCheck(multipart.fields ?? noFields)(fields, true))
  if (file === undefined || errors.length > 0) {
    return { refusal: { status: 400, errors: errors.slice(0, maxErrors) } }
  }
  return { ...file, fields }
}

function partFault({ name, value }: FormPart, fileField: string): InvalidField | undefined {
  const pointer = pointerStep(name)
  if (name === '__proto__') return { pointer, detail: 'unknown field' }
  if (typeof value === 'string') {
    if (name === fileField) return { pointer, detail: 'expected a file, got text' }
    return textFault(name, pointer) ?? textFault(value, pointer)
  }
  if (name !== fileField) return { pointer, detail: 'expected text, got a file' }
  return value.size === 0 ? { pointer, detail: 'the file is empty' } : undefined
}

async function measure(
  file: File,
  type: string,
  { file: fileField, types }: Multipart,
): Promise<MultipartBody['audio'] | Refused> {
  const unlabelled = type === '' || type === 'application/octet-stream'
  const wrongType = refuse(
    415,
    `expected a file of type ${types.join(', ')}, got ${type || 'none'}`,
    pointerStep(fileField),
  )
  if (!unlabelled && !types.some((allowed) => covers(allowed, type))) return wrongType
  const { container, seconds } = await readAudio({ bytes: await file.bytes(), mimeType: type })
  // Many programs do not label a file: then its content has to speak for it.
  if (unlabelled && container === undefined) return wrongType
  return { bytes: file.size, ...(seconds !== undefined && { seconds }) }
}

function covers(allowed: string, type: string): boolean {
  return allowed.endsWith('/*') ? type.startsWith(allowed.slice(0, -1)) : type === allowed
}
