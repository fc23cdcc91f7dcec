/** A form with files: it is kept in memory, and its files and fields are checked. Its audio is measured later (audio-of-call.ts). */
import type { InvalidField } from '../../config/json-schema.ts'
import { didYouMean } from '../../lib/did-you-mean.ts'
import { type BodyLimits, maxUncountedBytes } from '../../lib/http-body.ts'
import { pointerStep } from '../../lib/json-pointer.ts'
import { dereferenced } from '../../lib/named-schemas.ts'
import type { FileContent } from '../../pricing/price-kind.ts'
import type { FormFile, MultipartForm } from '../../pricing/route-body.ts'
import { type Field, fieldFault, pointerOf, readFields } from './form-fields.ts'
import { anyType, isOneOf, mediaTypeOf } from './media-type.ts'
import { boundaryOf, type FormPart, parseMultipart } from './multipart-form.ts'
import { noRoom, type Refused, refuse, takeBody } from './take-body.ts'
import { type WrittenForm, writeMultipart } from './write-multipart.ts'

/** A valid form. */
interface MultipartBody {
  /** As the client sent it. */
  readonly bytes: Uint8Array
  /** The boundary in it. */
  readonly boundary: string
  /** Written again, for the upstream. */
  readonly canonical: WrittenForm
  /** By the name of their field. */
  readonly files: Readonly<Record<string, FileContent>>
  /** Those that are audio, or may be. */
  readonly audio: readonly AudioFile[]
  /** The fields beside the files. */
  readonly fields: Readonly<Record<string, unknown>>
}

/** A file of which is not known yet how long it lasts. */
export interface AudioFile {
  /** Of its field. */
  readonly name: string
  readonly bytes: Uint8Array
  /** Why it is refused if it turns out to be no audio: its label does not say that it is any. */
  readonly unlessAudio?: Refused
}

const maxErrors = 20

/** Reads the form of a call and checks it against what its route takes. */
export async function readMultipartBody(
  request: Request,
  multipart: MultipartForm,
  limits: BodyLimits,
): Promise<MultipartBody | Refused> {
  const contentType = request.headers.get('content-type')?.trim() ?? ''
  if (!/^multipart\/form-data\s*(;|$)/i.test(contentType)) {
    return refuse(415, 'Expected Content-Type: multipart/form-data')
  }
  const boundary = boundaryOf(contentType)
  if (boundary === undefined) return refuse(400, 'The Content-Type has no usable boundary')
  const body = await takeBody(request, limits)
  if ('refusal' in body) return body
  const { bytes } = body
  const sent = parseMultipart(bytes, boundary)
  if (sent === undefined) return refuse(400, 'The body is not multipart/form-data')
  const parts = sent.filter((part) => !isUnchosen(part, multipart))
  const taken = takeApart(parts, multipart)
  if ('refusal' in taken) return taken
  const checked = checkFiles(parts, multipart)
  if ('refusal' in checked) return checked
  const canonical = writeMultipart(parts.map((part) => forUpstream(part, multipart)))
  // What is written again is kept beside what was sent.
  const { length } = canonical
  if (length > maxUncountedBytes && limits.take?.(length) === false) return noRoom
  return { bytes, boundary, canonical, ...checked, ...taken }
}

/** An input in which no file was chosen comes as an empty file: from browsers without a name, from some programs with one. */
function isUnchosen({ name, filename, bytes }: FormPart, { files }: MultipartForm): boolean {
  if (filename === undefined || bytes.length > 0) return false
  return Object.hasOwn(files, name) && files[name]?.optional === true
}

function takeApart(
  parts: readonly FormPart[],
  multipart: MultipartForm,
): { readonly fields: Readonly<Record<string, unknown>> } | Refused {
  const { files, fields: schema } = multipart
  const fields: Field[] = []
  const errors: InvalidField[] = []
  const seen = new Set<string>()
  for (const part of parts) {
    const { name } = part
    const isFile = Object.hasOwn(files, name)
    const fault =
      isFile && seen.has(name)
        ? { pointer: pointerOf(name), detail: 'stands twice' }
        : partFault(part, isFile, multipart)
    seen.add(name)
    if (fault !== undefined) errors.push(fault)
    else if (!isFile) fields.push([name, utf8.decode(part.bytes)])
  }
  for (const [name, { optional }] of Object.entries(files)) {
    if (!optional && !seen.has(name)) errors.push({ pointer: pointerStep(name), detail: 'missing' })
  }
  if (errors.length > 0) return { refusal: { status: 400, errors: errors.slice(0, maxErrors) } }
  const read = readFields(fields, schema, false)
  return 'faults' in read
    ? { refusal: { status: 400, errors: read.faults } }
    : { fields: read.values }
}

function partFault(
  part: FormPart,
  isFile: boolean,
  multipart: MultipartForm,
): InvalidField | undefined {
  const { name, filename, bytes } = part
  const pointer = pointerOf(name)
  if (isFile) {
    if (filename === undefined) return { pointer, detail: 'expected a file, got text' }
    return bytes.length === 0 ? { pointer, detail: 'the file is empty' } : undefined
  }
  if (filename !== undefined) return { pointer, detail: notAFile(name, multipart) }
  return textTypeFault(part) ?? fieldFault(name, '') ?? utf8Fault(part)
}

/** A file comes for a field of another kind, or for none. */
function notAFile(name: string, { files, fields }: MultipartForm): string {
  const { properties } = dereferenced(fields)
  if (typeof properties === 'object' && properties !== null && Object.hasOwn(properties, name)) {
    return 'expected text, got a file'
  }
  const guess = didYouMean(name, Object.keys(files))
  return guess === undefined ? 'unknown file' : `unknown file, did you mean ${guess}?`
}

/** A form in a form, and text in another charset than the one that it is read in. */
function textTypeFault({ name, contentType }: FormPart): InvalidField | undefined {
  if (contentType === undefined) return undefined
  const type = mediaTypeOf(contentType)
  const charset = type?.parameters.get('charset')?.toLowerCase() ?? 'utf-8'
  if (type && !type.name.startsWith('multipart/') && charset === 'utf-8') return undefined
  return { pointer: pointerOf(name), detail: 'expected text in UTF-8' }
}

function utf8Fault({ name, bytes }: FormPart): InvalidField | undefined {
  try {
    utf8.decode(bytes)
    return undefined
  } catch {
    return { pointer: pointerOf(name), detail: 'expected text in UTF-8' }
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** The sizes of the files, and which may be audio. */
function checkFiles(
  parts: readonly FormPart[],
  { files }: MultipartForm,
): Pick<MultipartBody, 'files' | 'audio'> | Refused {
  const contents: Record<string, FileContent> = Object.create(null)
  const audio: AudioFile[] = []
  for (const part of parts) {
    const { name, bytes } = part
    const file = Object.hasOwn(files, name) ? files[name] : undefined
    if (file === undefined) continue
    if (bytes.length > file.maxBytes) {
      return refuse(413, `The file is larger than ${file.maxBytes} bytes`, pointerStep(name))
    }
    const { wrongType, mayBeAudio } = typeOf(part, file)
    if (wrongType && !mayBeAudio) return wrongType
    if (mayBeAudio) audio.push({ name, bytes, ...(wrongType && { unlessAudio: wrongType }) })
    contents[name] = { bytes: bytes.length }
  }
  return { files: contents, audio }
}

/** Only such files are looked into: reading one takes the time of threads that all share. */
const audioTypes = /^(?:(?:audio|video)\/|application\/(?:\*|octet-stream|ogg)$)/

/** Many programs do not label a file: then its content has to speak for it. */
function typeOf(
  { name, contentType = '' }: FormPart,
  { types }: FormFile,
): { readonly wrongType: Refused | undefined; readonly mayBeAudio: boolean } {
  const type = mediaTypeOf(contentType)?.name
  const isAllowed =
    type === undefined ? contentType === '' && types.includes(anyType) : isOneOf(types, type)
  const isUnlabelled = contentType === '' || type === 'application/octet-stream'
  const allowsAudio = types.some((allowed) =>
    allowed === anyType ? isUnlabelled || audioTypes.test(type ?? '') : audioTypes.test(allowed),
  )
  const got = type ?? (contentType || 'none')
  const detail = `expected a file of type ${types.join(', ')}, got ${got}`
  return {
    wrongType: isAllowed ? undefined : refuse(415, detail, pointerStep(name)),
    mayBeAudio: (isAllowed || isUnlabelled) && allowsAudio,
  }
}

/** Text has no type but one that says more than that: an upstream may take bytes for a file. */
function forUpstream(part: FormPart, { files }: MultipartForm): FormPart {
  if (Object.hasOwn(files, part.name) || part.contentType === undefined) return part
  const { contentType, ...text } = part
  const type = mediaTypeOf(contentType)?.name
  const isPlain = type === undefined || type === 'text/plain' || type === 'application/octet-stream'
  return isPlain ? text : { ...text, contentType: type }
}
