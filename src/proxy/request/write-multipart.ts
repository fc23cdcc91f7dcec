/**
 * Writes a form with files again from its parts, so that the upstream reads what the gateway has read. The boundary is
 * drawn anew for each call: nobody can have put it into a file.
 */
import type { FormPart } from './multipart-form.ts'

export interface WrittenForm {
  /** Of the bytes. */
  readonly length: number
  /** Made when they are first asked for: a call that is refused before it is forwarded has no need of them. */
  readonly bytes: Uint8Array
  readonly contentType: string
  readonly isRewritten: true
}

export function writeMultipart(parts: readonly FormPart[]): WrittenForm {
  const boundary = `form-${crypto.randomUUID()}`
  const pieces: (string | Uint8Array)[] = []
  for (const part of parts) pieces.push(`--${boundary}\r\n${headOf(part)}\r\n`, part.bytes, '\r\n')
  pieces.push(`--${boundary}--\r\n`)
  const chunks = pieces.map((piece) => (typeof piece === 'string' ? Buffer.from(piece) : piece))
  const length = chunks.reduce((sum, chunk) => sum + chunk.length, 0)
  let bytes: Uint8Array | undefined
  return {
    length,
    get bytes() {
      bytes ??= Buffer.concat(chunks, length)
      return bytes
    },
    contentType: `multipart/form-data; boundary=${boundary}`,
    isRewritten: true,
  }
}

function headOf({ name, filename, contentType }: FormPart): string {
  const file = filename === undefined ? '' : `; filename="${escaped(filename)}"`
  const type = contentType === undefined ? '' : `Content-Type: ${contentType}\r\n`
  return `Content-Disposition: form-data; name="${escaped(name)}"${file}\r\n${type}`
}

/** As browsers write names (https://html.spec.whatwg.org/#multipart-form-data). */
function escaped(name: string): string {
  return name.replace(/["\r\n]/g, (character) => escapes[character] ?? '')
}

const escapes: Readonly<Record<string, string>> = { '"': '%22', '\r': '%0D', '\n': '%0A' }
