/**
 * Edits JSON as text, and keeps every byte that an edit is not about: numbers of more digits than a JavaScript number has,
 * `1.0`, escapes, white space, and the order of fields. The text is known to be JSON in which no name stands twice
 * (strict-json.ts).
 */
import { isMapping } from './is-mapping.ts'

/** Where a field's value stands in the text. */
interface Field {
  readonly name: string
  readonly begin: number
  readonly end: number
}

/** The source text of each field's value, by name; of what is no object, none. */
export function fieldTexts(text: string): ReadonlyMap<string, string> {
  const texts = new Map<string, string>()
  const { fields = [] } = objectIn(text) ?? {}
  for (const { name, begin, end } of fields) texts.set(name, text.slice(begin, end))
  return texts
}

/** Lays `over` over the document: objects are merged, all else is replaced. A field that is new comes last. */
export function layOver(text: string, over: unknown): string {
  const object = isMapping(over) ? objectIn(text) : undefined
  if (object === undefined || !isMapping(over)) return JSON.stringify(over)
  const added = new Map(Object.entries(over))
  let edited = ''
  let kept = 0
  for (const { name, begin, end } of object.fields) {
    if (!added.has(name)) continue
    edited += text.slice(kept, begin) + layOver(text.slice(begin, end), added.get(name))
    kept = end
    added.delete(name)
  }
  edited += text.slice(kept, object.end)
  let separator = object.fields.length > 0 ? ',' : ''
  for (const [name, value] of added) {
    edited += `${separator}${JSON.stringify(name)}:${JSON.stringify(value)}`
    separator = ','
  }
  return edited + text.slice(object.end)
}

/** The fields in their order, and where the last one ends, or the brace that opens an empty object. */
function objectIn(text: string): { readonly fields: Field[]; readonly end: number } | undefined {
  const open = skipSpace(text, 0)
  if (text.charCodeAt(open) !== openBrace) return undefined
  const fields: Field[] = []
  let end = open + 1
  let at = skipSpace(text, end)
  while (text.charCodeAt(at) !== closeBrace) {
    const nameEnd = endOfString(text, at + 1) + 1
    const name = JSON.parse(text.slice(at, nameEnd))
    const begin = skipSpace(text, skipSpace(text, nameEnd) + 1)
    end = endOfValue(text, begin)
    fields.push({ name, begin, end })
    at = skipSpace(text, end)
    if (text.charCodeAt(at) === comma) at = skipSpace(text, at + 1)
  }
  return { fields, end }
}

/** Where the value of a field is over. */
function endOfValue(text: string, begin: number): number {
  const first = text.charCodeAt(begin)
  if (first === quote) return endOfString(text, begin + 1) + 1
  if (first === openBrace || first === openBracket) return endOfBrackets(text, begin)
  // A number, true, false or null: at least the object's closing brace follows it.
  let at = begin + 1
  while (!endsWord(text.charCodeAt(at))) at++
  return at
}

function endOfBrackets(text: string, begin: number): number {
  let depth = 0
  for (let at = begin; ; at++) {
    const unit = text.charCodeAt(at)
    if (unit === quote) at = endOfString(text, at + 1)
    else if (unit === openBrace || unit === openBracket) depth++
    else if (unit === closeBrace || unit === closeBracket) depth--
    if (depth === 0) return at + 1
  }
}

function endsWord(unit: number): boolean {
  return unit === comma || unit === closeBrace || isSpace(unit)
}

function skipSpace(text: string, begin: number): number {
  let at = begin
  while (isSpace(text.charCodeAt(at))) at++
  return at
}

/** JSON has no other white space. */
export function isSpace(unit: number): boolean {
  return unit === 0x20 || unit === 0x0a || unit === 0x0d || unit === 0x09
}

/**
 * The index of the quote that closes a string; the text's length where there is none. The engine's own search is quicker than a
 * loop over the characters.
 */
export function endOfString(text: string, begin: number): number {
  for (let at = text.indexOf('"', begin); ; at = text.indexOf('"', at + 1)) {
    if (at < 0) return text.length
    let before = at - 1
    while (text.charCodeAt(before) === backslash) before--
    // After an odd number of backslashes a quote belongs to the string.
    if ((at - before) % 2 === 1) return at
  }
}

const [quote, backslash, comma] = [0x22, 0x5c, 0x2c]
const [openBrace, closeBrace, openBracket, closeBracket] = [0x7b, 0x7d, 0x5b, 0x5d]
