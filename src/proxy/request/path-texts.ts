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
  const decoded = decodeOnce(text)
  if ('fault' in decoded) return decoded
  const { value } = decoded
  if (!mayHaveSlash && value.includes('/')) return { fault: 'has an encoded slash' }
  return { value, encoded: encodeURIComponent(value) }
}

/** The same for a tail, whose segments are joined by slashes. */
export function decodeTail(text: string, mayHaveSlash: boolean): DecodedText {
  const decoded = decodeOnce(text)
  if ('fault' in decoded) return decoded
  const { value } = decoded
  if (!/%2f/i.test(text)) {
    return { value, encoded: encodeURIComponent(value).replaceAll('%2F', '/') }
  }
  if (!mayHaveSlash) return { fault: 'has an encoded slash' }
  const segments = text.split('/').map((one) => encodeURIComponent(decodeURIComponent(one)))
  return { value, encoded: segments.join('/') }
}

function decodeOnce(text: string): { readonly value: string } | { readonly fault: string } {
  let value = text
  if (text.includes('%')) {
    try {
      value = decodeURIComponent(text)
    } catch {
      return { fault: 'not UTF-8, percent-encoded' }
    }
  }
  for (const [fault, pattern] of faults) if (pattern.test(value)) return { fault }
  return { value }
}

const faults: readonly (readonly [fault: string, pattern: RegExp])[] = [
  // Control characters, the backslash, and the character that stands for bytes that were no text.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are looked for
  ['has a character that no path may have', /[\u0000-\u001f\u007f-\u009f\\\ufffd]/],
  ['is encoded twice', /%[0-9A-Fa-f]{2}/],
  ['has an empty segment', /^\/|\/\/|\/$|^$/],
  // Some servers take what follows a semicolon away, and resolve the dots then.
  ['has a segment of dots', /(?:^|\/)\.\.?(?:[;/]|$)/],
]

/** A value with all that may stand in a path written as it is, as a reader sees it who decodes before it routes. */
export function writeOut(value: string): string {
  return encodeURIComponent(value).replace(/%(?:2[46BCF]|3[ABD]|40)/g, decodeURIComponent)
}
