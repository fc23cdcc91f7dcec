/**
 * Long lines of a YAML file whose value is JSON, as `config import` writes them for large documents: `Pet: {"type":…}`.
 * Such a value means the same to a reader of YAML, who takes twenty times as long over it. So each is taken out before the
 * file is read as YAML, and put back afterwards.
 */
import { parseStrictJson } from '../lib/strict-json.ts'

interface JsonLines {
  /** The text with a name instead of each value. Its lines are those of the file. */
  readonly text: string
  /**
   * What was read, with the values in their places. Undefined when a line was no field after all, but part of a longer text:
   * then the file has to be read as it stands.
   */
  fill(value: unknown): unknown
}

/** Shorter ones are not worth it. */
const line = /^( *(?:"[^"\\\n]*"|[$\w-]+): )(\{.{200,}\})$/gm

export function takeJsonLines(text: string): JsonLines | undefined {
  const values = new Map<string, unknown>()
  const bytes = new TextEncoder()
  // No file contains it by chance, nor on purpose.
  const mark = `json-${crypto.randomUUID()}-`
  const shortened = text.replace(line, (whole, start: string, value: string) => {
    const parsed = parseStrictJson(bytes.encode(value))
    if ('fault' in parsed) return whole
    const name = `${mark}${values.size}`
    values.set(name, parsed.json)
    return start + name
  })
  if (values.size === 0) return undefined

  function fill(value: unknown): unknown {
    const filled = put(value)
    return filled === undefined || values.size > 0 ? undefined : filled
  }

  /** Each value is put where its name is the whole text, and forgotten. */
  function put(value: unknown): unknown {
    if (typeof value === 'string') {
      if (!values.has(value)) return value
      const json = values.get(value)
      values.delete(value)
      return json
    }
    if (typeof value !== 'object' || value === null) return value
    for (const [name, part] of Object.entries(value)) {
      const filled = put(part)
      if (filled !== part)
        Object.defineProperty(value, name, {
          value: filled,
          writable: true,
          enumerable: true,
          configurable: true,
        })
    }
    return value
  }
  return { text: shortened, fill }
}
