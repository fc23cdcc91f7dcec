/** Comma-separated values as RFC 4180 has them: lines end with CR LF, a field is quoted where it must be. */

/** One line, with its end; null is an empty field. */
export function csvLine(fields: readonly (string | number | boolean | null | undefined)[]): string {
  return `${fields.map(field).join(',')}\r\n`
}

function field(value: string | number | boolean | null | undefined): string {
  if (value === null || value === undefined) return ''
  const text = String(value)
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
