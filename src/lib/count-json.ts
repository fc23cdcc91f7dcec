/** Counts what JSON has, by its text alone: before anything is made of it. */
import { endOfString, isSpace } from './json-text.ts'

/**
 * Counts the values (the document, and each field and item in it) and the colons outside of strings. The count ends where there
 * are more values than `maxValues`. Of a text that is no JSON, the counts mean nothing.
 */
export function countJson(text: string, maxValues: number): { colons: number; values: number } {
  let colons = 0
  let values = 1
  for (let index = 0; index < text.length && values <= maxValues; index++) {
    switch (text.charCodeAt(index)) {
      case quote:
        index = endOfString(text, index + 1)
        break
      case colon:
        colons++
        break
      case comma:
        values++
        break
      case openBracket:
      case openBrace:
        // A comma stands before each value but the first.
        if (!isClosedAt(text, index + 1)) values++
        break
    }
  }
  return { colons, values }
}

/** Whether the next character that is no white space closes a list or an object. */
function isClosedAt(text: string, begin: number): boolean {
  let index = begin
  while (isSpace(text.charCodeAt(index))) index++
  const unit = text.charCodeAt(index)
  return unit === closeBracket || unit === closeBrace
}

const [quote, comma, colon] = [0x22, 0x2c, 0x3a] as const
const [openBracket, closeBracket, openBrace, closeBrace] = [0x5b, 0x5d, 0x7b, 0x7d] as const
