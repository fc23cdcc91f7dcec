/**
 * Characters that say nothing to a reader and something to what shows them: control characters drive a terminal, line breaks
 * forge rows, and format characters (bidi controls, zero-width ones) make a text look like another. Free texts that are stored
 * have none of them, and what is printed has them escaped, because a log can be older than that rule.
 */

/** Control and format characters, line and paragraph separators, and half surrogate pairs. */
const unprintable = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u
const allUnprintable = new RegExp(unprintable, 'gu')

/** What is wrong with a text that is to be stored, such as `has the control or format character U+202E`; undefined when nothing is. */
export function printableFault(text: string): string | undefined {
  const [found] = unprintable.exec(text) ?? []
  if (found === undefined) return undefined
  const code = found.codePointAt(0) ?? 0
  return `has the control or format character U+${code.toString(16).toUpperCase().padStart(4, '0')}`
}

/** The text on one line, with each such character as JSON escapes it: `\u202e`. */
export function printable(text: string): string {
  return unprintable.test(text) ? text.replace(allUnprintable, escaped) : text
}

/** The same for a text of several lines that has the colours of the command line. */
export function printableLines(text: string): string {
  return text.replace(coloursAndUnprintable, (found) =>
    found.startsWith(`${escapeCode}[`) || found === '\n' || found === '\r\n'
      ? found
      : escaped(found),
  )
}

const escapeCode = '\u001b'
const coloursAndUnprintable = new RegExp(
  `${escapeCode}\\[(?:1|2|22|3[1-3]|39)m|\r\n|${unprintable.source}`,
  'gu',
)

function escaped(character: string): string {
  return Array.from({ length: character.length }, (_, i) => {
    const unit = character.charCodeAt(i).toString(16).padStart(4, '0')
    return `\\u${unit}`
  }).join('')
}
