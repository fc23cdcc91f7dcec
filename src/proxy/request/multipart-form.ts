/**
 * The parts of a form with files (RFC 7578) in memory. `multipasta` reads the heads of its parts; what is in them is only looked for
 * the delimiter. What it lets pass is refused here: text around the parts, a delimiter that goes on, two names for a part, a part
 * that is encoded once more. So there is one reading of every form, and write-multipart.ts writes that one.
 */
import { make } from 'multipasta'
import { mediaTypeOf } from './media-type.ts'

export interface FormPart {
  readonly name: string
  /** Without a path; absent of a part that is no file. */
  readonly filename?: string
  /** The part's own Content-Type; absent when it has none. */
  readonly contentType?: string
  readonly bytes: Uint8Array
}

/** A form has no more parts; one with more would cost more to read than to send. */
const maxParts = 1_000

/** The boundary of a form's Content-Type, or undefined. */
export function boundaryOf(contentType: string): string | undefined {
  const boundary = mediaTypeOf(contentType)?.parameters.get('boundary')
  return boundary !== undefined && boundaryText.test(boundary) ? boundary : undefined
}

/** As RFC 2046 has it: spaces, too, but not at the end. */
const boundaryText = /^[\w'()+,./:=? -]{0,69}[\w'()+,./:=?-]$/

/** The parts in their order, or undefined for what is not a form with one reading. */
export function parseMultipart(bytes: Uint8Array, boundary: string): FormPart[] | undefined {
  const frames = framesOf(bytes, boundary)
  if (frames === undefined || frames.length > maxParts) return undefined
  const halves = frames.map(halvesOf)
  const parts: FormPart[] = []
  let isFaulty = false
  const fail = () => {
    isFaulty = true
  }
  // The parser looks for this boundary, and not for the client's: one of seventy equal letters, in a file of the same
  // letter, would keep it for seconds.
  const own = crypto.randomUUID()
  const parser = make({
    headers: { 'content-type': `multipart/form-data; boundary=${own}` },
    // Which parts are files is told by their disposition, below.
    isFile: () => true,
    onFile({ headers }) {
      let isOver = false
      return (chunk) => {
        // The head was over before: to another reader it is longer.
        if (chunk !== null) return chunk.length > 0 ? fail() : undefined
        const body = halves[parts.length]?.body
        const part = body && partOf(headers, body)
        // A part without headers ends the part before it a second time.
        if (part === undefined || isOver) fail()
        else parts.push(part)
        isOver = true
      }
    },
    onField: fail,
    onError: fail,
    onDone() {},
  })
  try {
    for (const [index, half] of halves.entries()) {
      if (half === undefined) return undefined
      parser.write(Buffer.from(index === 0 ? `--${own}` : `\r\n--${own}`))
      parser.write(half.head)
    }
    parser.write(Buffer.from(`\r\n--${own}--`))
    parser.end()
  } catch {
    return undefined
  }
  return isFaulty || parts.length !== frames.length ? undefined : parts
}

/**
 * What stands between the delimiters; undefined where text stands around them, or where a delimiter does not end with its
 * line: then it is text of a file to one reader and a delimiter to another. Empty lines around them are none.
 */
function framesOf(bytes: Uint8Array, boundary: string): Uint8Array[] | undefined {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const delimiter = `--${boundary}`
  const textAt = (at: number, length: number) => buffer.toString('latin1', at, at + length)
  const afterLines = (at: number) => {
    let after = at
    while (buffer[after] === carriageReturn && buffer[after + 1] === lineFeed) after += 2
    return after
  }
  const begin = afterLines(0)
  if (textAt(begin, delimiter.length) !== delimiter) return undefined
  const frames: Uint8Array[] = []
  let after = begin + delimiter.length
  for (;;) {
    const rest = textAt(after, 2)
    if (rest === '--') return afterLines(after + 2) === buffer.length ? frames : undefined
    if (rest !== '\r\n') return undefined
    const next = buffer.indexOf(`\r\n${delimiter}`, after)
    if (next < 0) return undefined
    frames.push(bytes.subarray(after, next))
    after = next + 2 + delimiter.length
  }
}

const carriageReturn = 0x0d
const lineFeed = 0x0a

/** The head of a part with the empty line that ends it, and what is in the part; undefined where no line does. */
function halvesOf(frame: Uint8Array): { head: Uint8Array; body: Uint8Array } | undefined {
  const at = Buffer.from(frame.buffer, frame.byteOffset, frame.byteLength).indexOf('\r\n\r\n')
  return at < 0 ? undefined : { head: frame.subarray(0, at + 4), body: frame.subarray(at + 4) }
}

type Headers = Readonly<Record<string, string | string[]>>

function partOf(headers: Headers, bytes: Uint8Array): FormPart | undefined {
  if (!Object.values(headers).every(isOneLine)) return undefined
  const {
    'content-disposition': disposition = '',
    'content-type': contentType,
    'content-transfer-encoding': encoding = 'binary',
  } = headers as Readonly<Record<string, string>>
  if (!/^(7bit|8bit|binary)$/i.test(encoding.trim())) return undefined
  const named = namesIn(disposition)
  if (named === undefined) return undefined
  return { ...named, ...(contentType !== undefined && { contentType: contentType.trim() }), bytes }
}

/** A list is a header that stands several times. */
function isOneLine(value: string | string[]): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return typeof value === 'string' && !/[\0-\x08\x0a-\x1f\x7f]/.test(value)
}

const parameter = /;[ \t]*([\w*-]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s";]+))[ \t]*/g
const disposition = new RegExp(`^form-data[ \\t]*(?:${parameter.source})+;?$`, 'i')

/** A part's names in its Content-Disposition; undefined where it has none, or one of them twice. */
function namesIn(text: string): Pick<FormPart, 'name' | 'filename'> | undefined {
  if (!disposition.test(text.trim()) || text.includes('\u{fffd}')) return undefined
  const parameters = new Map<string, string>()
  for (const [, key = '', quoted, plain = ''] of text.matchAll(parameter)) {
    const lower = key.toLowerCase()
    if (parameters.has(lower)) return undefined
    parameters.set(lower, quoted?.replace(/\\(["\\])/g, '$1') ?? plain)
  }
  const name = parameters.get('name')
  // Some readers pass over a part whose name is empty, and to some a backslash escapes what stands behind it.
  if (!name || name.includes('\\') || parameters.has('name*')) return undefined
  const extended = parameters.get('filename*')
  const filename = extended === undefined ? parameters.get('filename') : decoded(extended)
  if (extended !== undefined && filename === undefined) return undefined
  return { name, ...(filename !== undefined && { filename: withoutPath(filename) }) }
}

/** `UTF-8''%e2%82%ac.png` (RFC 5987), as some programs send it although a form has no use for it. */
function decoded(extended: string): string | undefined {
  const [, encoded] = /^utf-8'[\w-]*'(.*)$/i.exec(extended) ?? []
  try {
    return encoded === undefined ? undefined : decodeURIComponent(encoded)
  } catch {
    return undefined
  }
}

/** A path is the client's own affair, and says to some servers where to write. */
function withoutPath(filename: string): string {
  return filename.slice(Math.max(filename.lastIndexOf('/'), filename.lastIndexOf('\\')) + 1)
}
