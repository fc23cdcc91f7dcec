/**
 * Comma-separated values as RFC 4180 has them: lines end with CR LF, a field is quoted where it must be, and where it has what
 * some programs take for a separator. A spreadsheet runs a text that begins as a formula does, so such a text gets an apostrophe
 * before it, which makes it a text there.
 */
import { printable } from './printable-text.ts'

/** One line, with its end; null is an empty field. */
export function csvLine(fields: readonly (string | number | boolean | null | undefined)[]): string {
  return `${fields.map(field).join(',')}\r\n`
}

function field(value: string | number | boolean | null | undefined): string {
  if (value === null || value === undefined) return ''
  const text = typeof value === 'string' ? inert(printable(value)) : String(value)
  return /[",;\t\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

/** A figure may begin with a sign. */
function inert(text: string): string {
  return /^\s*[=+\-@＝＋－＠]/.test(text) && !/^-?\d+(\.\d+)?$/.test(text) ? `'${text}` : text
}
