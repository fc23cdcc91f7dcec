/**
 * Writes a form with files again from its parts, so that the upstream reads what the gateway has read. The boundary is
 * drawn anew for each call: nobody can have put it into a file.
 */
import type { FormPart } from './multipart-form.ts'

interface WrittenForm {
  readonly bytes: Uint8Array
  readonly contentType: string
}

export function writeMultipart(parts: readonly FormPart[]): WrittenForm {
  const boundary = `form-${crypto.randomUUID()}`
  const pieces: (string | Uint8Array)[] = []
  for (const part of parts) pieces.push(`--${boundary}\r\n${headOf(part)}\r\n`, part.bytes, '\r\n')
  pieces.push(`--${boundary}--\r\n`)
  const chunks = pieces.map((piece) => (typeof piece === 'string' ? Buffer.from(piece) : piece))
  return {
    bytes: Buffer.concat(chunks),
    contentType: `multipart/form-data; boundary=${boundary}`,
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
