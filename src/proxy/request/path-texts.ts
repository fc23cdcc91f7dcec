/**
 * The texts of a path's parameters. A text is decoded once. What would not mean the same to every reader, because an
 * upstream resolves it, or decodes it once more, is refused. What remains is encoded again, in one way.
 */

/** What stands for the parameters of a path, by their names. */
export interface PathTexts {
  /** Decoded. */
  readonly values: Readonly<Record<string, string>>
  /** As they stand in a path that is forwarded. */
  readonly encoded: Readonly<Record<string, string>>
}

type DecodedText =
  | {
      readonly value: string
      /** As it stands in a path that is forwarded: all but letters, digits and `-_.!~*'()` is percent-encoded. */
      readonly encoded: string
    }
  | {
      /** What is wrong with the text. */
      readonly fault: string
    }

export function decodeSegment(text: string, mayHaveSlash: boolean): DecodedText {
  let value = text
  if (text.includes('%')) {
    try {
      value = decodeURIComponent(text)
    } catch {
      return { fault: 'not UTF-8, percent-encoded' }
    }
  }
  const fault = faultOf(value, mayHaveSlash)
  return fault === undefined ? { value, encoded: encodeURIComponent(value) } : { fault }
}

/** The same for a tail: its segments, decoded one by one and joined by slashes. */
export function decodeTail(text: string, mayHaveSlash: boolean): DecodedText {
  const values: string[] = []
  const encoded: string[] = []
  for (const segment of text.split('/')) {
    const decoded = decodeSegment(segment, mayHaveSlash)
    if ('fault' in decoded) return decoded
    values.push(decoded.value)
    encoded.push(decoded.encoded)
  }
  return { value: values.join('/'), encoded: encoded.join('/') }
}

/** Control characters, the backslash, and the character that stands for bytes that were no text. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are looked for
const unreadable = /[\u0000-\u001f\u007f-\u009f\\\ufffd]/

function faultOf(value: string, mayHaveSlash: boolean): string | undefined {
  if (unreadable.test(value)) return 'has a character that no path may have'
  if (/%[0-9A-Fa-f]{2}/.test(value)) return 'is encoded twice'
  if (!mayHaveSlash && value.includes('/')) return 'has an encoded slash'
  for (const part of value.split('/')) {
    if (part === '') return 'has an empty segment'
    // Some servers take what follows a semicolon away, and resolve the dots then.
    if (/^\.\.?(;|$)/.test(part)) return 'has a segment of dots'
  }
  return undefined
}

/** A value with all that may stand in a path written as it is, as a reader sees it who decodes before it routes. */
export function writeOut(value: string): string {
  return encodeURIComponent(value).replace(/%(?:2[46BCF]|3[ABD]|40)/g, decodeURIComponent)
}
