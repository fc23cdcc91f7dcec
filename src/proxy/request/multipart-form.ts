/**
 * The parts of a form in memory. Bun's parser takes the form apart. What that parser does not give (a part's own
 * Content-Type), and what it lets pass, is read here. The form is forwarded as it came, so it must have one reading
 * only: with text around the parts, a boundary inside one, or two names for a part it is refused.
 */

export interface FormPart {
  readonly name: string
  readonly value: string | File
  /** Of the part's own Content-Type, in lower case and without parameters; empty when it has none. */
  readonly type: string
}

/** The boundary of a form's Content-Type, or undefined. */
export function boundaryOf(contentType: string): string | undefined {
  const match = /^[^;]+;\s*boundary=(?:"([\w'()+,./:=?-]{1,70})"|([\w'()+,./:=?-]{1,70}))$/i.exec(
    contentType,
  )
  return match?.[1] ?? match?.[2]
}

/** The parts in their order, or undefined for what is not a form with one reading. */
export async function parseForm(
  bytes: Uint8Array,
  contentType: string,
  boundary: string,
): Promise<FormPart[] | undefined> {
  const delimiter = `--${boundary}`
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const end = buffer.subarray(-delimiter.length - 6).toString('latin1')
  if (!end.endsWith(`\r\n${delimiter}--\r\n`) && !end.endsWith(`\r\n${delimiter}--`)) {
    return undefined
  }
  const starts = positionsOf(buffer, delimiter)
  if (starts[0] !== 0) return undefined
  const types = starts.slice(0, -1).map((start) => typeOf(buffer, start + delimiter.length))
  let entries: [string, string | File][]
  try {
    const headers = { 'content-type': contentType }
    const form = await new Response(bytes as Uint8Array<ArrayBuffer>, { headers }).formData()
    entries = [...form]
  } catch {
    return undefined
  }
  if (entries.length !== types.length) return undefined
  const parts: FormPart[] = []
  for (const [index, [name, value]] of entries.entries()) {
    const type = types[index]
    if (type === undefined) return undefined
    parts.push({ name, value, type })
  }
  return parts
}

function positionsOf(buffer: Buffer, text: string): number[] {
  const sought = Buffer.from(text)
  const positions: number[] = []
  for (let at = buffer.indexOf(sought); at >= 0; at = buffer.indexOf(sought, at + sought.length)) {
    positions.push(at)
  }
  return positions
}

/** Enough for any name. What has not ended its headers by then is no part. */
const maxHeaderBytes = 8192

/** The type in the headers that begin after a delimiter; undefined for headers with two readings. */
function typeOf(buffer: Buffer, start: number): string | undefined {
  const text = buffer.subarray(start, start + maxHeaderBytes).toString('latin1')
  const end = text.indexOf('\r\n\r\n')
  if (!text.startsWith('\r\n') || end < 0) return undefined
  const headers = new Map<string, string>()
  for (const line of text.slice(2, end).split('\r\n')) {
    const [, name, value] = /^([\w-]+):[ \t]*([^\r\n\0]*)$/.exec(line) ?? []
    if (name === undefined || value === undefined || headers.has(name.toLowerCase()))
      return undefined
    headers.set(name.toLowerCase(), value)
  }
  if (!isNamedOnce(headers.get('content-disposition') ?? '')) return undefined
  return (headers.get('content-type')?.split(';')[0] ?? '').trim().toLowerCase()
}

function isNamedOnce(disposition: string): boolean {
  if (!/^form-data(\s*;\s*[\w*-]+=("[^"]*"|[^\s";]+))+$/i.test(disposition)) return false
  const parameters = disposition.matchAll(/;\s*([\w*-]+)=("[^"]*"|[^\s";]+)/g)
  const names = [...parameters].map(([, name]) => name?.toLowerCase())
  return names.includes('name') && new Set(names).size === names.length
}
