/**
 * A form with one audio file, held in memory, measured, and sent on byte for byte. What is measured
 * here must be what the service will read, so a form that two parsers could take apart differently
 * (text around the parts, a boundary inside one, a field that stands twice) is refused.
 */
import type { Multipart, Route } from '../config/config.ts'
import { type InvalidField, type JsonSchema, schemaCheck } from '../config/json-schema.ts'
import { pointerStep } from '../pointer.ts'
import { readAudio } from './audio.ts'
import { textFault } from './json-body.ts'
import type { RequestFacts } from './price.ts'
import { type Refused, readBody, refuse } from './read-body.ts'

/** A form that is fit to be sent on, under its own Content-Type. */
export interface MultipartBody {
  /** As it was sent. */
  readonly bytes: Uint8Array
  readonly contentType: string
  readonly audio: NonNullable<RequestFacts['audio']>
  /** The fields beside the file. */
  readonly fields: Readonly<Record<string, string>>
}

const noFields: JsonSchema = { type: 'object', additionalProperties: false }

/**
 * Reads the form of a call and checks it against its route.
 *
 * @param maxBytes of the whole form
 * @throws TypeError when the route takes no form
 */
export async function readMultipartBody(
  request: Request,
  route: Pick<Route, 'request'>,
  maxBytes: number,
): Promise<MultipartBody | Refused> {
  if (!route.request || !('multipart' in route.request)) throw new TypeError('takes no form')
  const { multipart } = route.request
  const contentType = request.headers.get('content-type')?.trim() ?? ''
  if (!/^multipart\/form-data\s*(;|$)/i.test(contentType)) {
    return refuse(415, 'Expected Content-Type: multipart/form-data')
  }
  const boundary = boundaryOf(contentType)
  if (boundary === undefined) return refuse(400, 'The Content-Type has no usable boundary')
  const body = await readBody(request, maxBytes)
  if ('refusal' in body) return body
  const entries = await parseForm(body.bytes, contentType, boundary)
  if (entries === undefined) return refuse(400, 'The body is not multipart/form-data')
  const parts = takeApart(entries, multipart)
  if ('refusal' in parts) return parts
  const audio = await measure(parts.file, multipart)
  return 'refusal' in audio
    ? audio
    : { bytes: body.bytes, contentType, audio, fields: parts.fields }
}

/** The one parameter there may be. */
function boundaryOf(contentType: string): string | undefined {
  const match = /^[^;]+;\s*boundary=(?:"([\w'()+,./:=?-]{1,70})"|([\w'()+,./:=?-]{1,70}))$/i.exec(
    contentType,
  )
  return match?.[1] ?? match?.[2]
}

type Entry = [string, string | File]

async function parseForm(
  bytes: Uint8Array,
  contentType: string,
  boundary: string,
): Promise<Entry[] | undefined> {
  const delimiter = `--${boundary}`
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const end = buffer.subarray(-delimiter.length - 6).toString('latin1')
  if (!buffer.subarray(0, delimiter.length).equals(Buffer.from(delimiter))) return undefined
  if (!end.endsWith(`\r\n${delimiter}--\r\n`) && !end.endsWith(`\r\n${delimiter}--`)) {
    return undefined
  }
  try {
    const headers = { 'content-type': contentType }
    const form = await new Response(bytes as Uint8Array<ArrayBuffer>, { headers }).formData()
    const entries: Entry[] = [...form]
    // One delimiter before each part and one at the end, or a part was not seen.
    return countOf(buffer, delimiter) === entries.length + 1 ? entries : undefined
  } catch {
    return undefined
  }
}

function countOf(buffer: Buffer, text: string): number {
  const sought = Buffer.from(text)
  let count = 0
  for (let at = buffer.indexOf(sought); at >= 0; at = buffer.indexOf(sought, at + sought.length)) {
    count++
  }
  return count
}

function takeApart(
  entries: readonly Entry[],
  { file: fileField, fields: schema = noFields }: Multipart,
): { readonly file: File; readonly fields: Readonly<Record<string, string>> } | Refused {
  const fields: Record<string, string> = Object.create(null)
  const errors: InvalidField[] = []
  let file: File | undefined
  const seen = new Set<string>()
  for (const [name, value] of entries) {
    const pointer = pointerStep(name)
    const fault = seen.has(name)
      ? { pointer, detail: 'stands twice' }
      : entryFault(name, value, fileField)
    seen.add(name)
    if (fault !== undefined) errors.push(fault)
    else if (typeof value === 'string') fields[name] = value
    else file = value
  }
  if (!seen.has(fileField)) errors.push({ pointer: pointerStep(fileField), detail: 'missing' })
  if (errors.length === 0) errors.push(...schemaCheck(schema)(fields, true))
  if (file === undefined || errors.length > 0) return { refusal: { status: 400, errors } }
  return { file, fields }
}

function entryFault(
  name: string,
  value: string | File,
  fileField: string,
): InvalidField | undefined {
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
  { file: fileField, types }: Multipart,
): Promise<MultipartBody['audio'] | Refused> {
  const type = (file.type.split(';')[0] ?? '').trim().toLowerCase()
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
